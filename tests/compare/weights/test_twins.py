"""The rows: what they name is there in both libraries, and no number of theirs is left without a setting."""

import inspect

import numpy as np
import optax
import pytest
import torch

from compare.weights.optimizer_row import defaults, flat
from compare.weights.twins import ROWS, TWINS, fields_of, settings_of

# What no setting stands for: where the numbers go and how they are kept, and what every optimizer has.
OPTAX = {
    "learning_rate", "accumulator_dtype", "mu_dtype", "mask", "weight_decay", "weight_decay_mask", "eps_in_sqrt",
}  # fmt: skip
TORCH = {
    "params",
    "lr",
    "weight_decay",
    "decoupled_weight_decay",
    "maximize",
    "foreach",
    "fused",
    "capturable",
    "differentiable",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_parameter_of_either_library_is_a_setting(row):
    """By the signatures of the installed versions: a new one shows here first."""
    known = {name for one in row.settings for name in one.optax} | OPTAX | set(row.needs)
    for name in row.optax:
        assert set(inspect.signature(getattr(optax, name)).parameters) <= known, name
    for name in row.torch:
        kind = getattr(torch.optim, name)
        own = {one.torch.split("[")[0] for one in row.settings}
        assert set(inspect.signature(kind).parameters) <= own | TORCH, name
        assert {one.torch for one in row.settings if one.torch} <= set(defaults(kind)) | {"nesterov"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_slots_are_those_of_torchs_state_and_of_optaxs(row):
    """Every array that torch keeps has its counterpart in the state of a factory of the row."""
    parameter = torch.nn.Parameter(torch.ones(2))
    given = {"momentum": 0.9} if "momentum" in inspect.signature(getattr(torch.optim, row.torch[0])).parameters else {}
    optimizer = getattr(torch.optim, row.torch[0])([parameter], lr=0.1, **given)
    parameter.grad = torch.ones(2)
    optimizer.step()
    kept = {slot for slot, value in optimizer.state[parameter].items() if torch.is_tensor(value) and value.dim()}
    assert kept <= set(row.slots)
    state = str(getattr(optax, next(iter(row.optax)))(0.1, **given).init({"w": np.ones(2, np.float32)}))
    assert all(any(f"{name}=" in state for name in fields_of(slot)) for slot in kept)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop", "Adagrad", "SGD"])
def test_a_group_of_torch_is_read_whole(name):
    """Every number in it that the optimizer does not share with all others is a setting's."""
    row = next(one for one in ROWS if name in one.torch)
    group = flat(getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(2))], lr=0.1).param_groups[0])
    assert set(group) - {one.torch for one in row.settings} <= TORCH


def test_names_are_found():
    """A slot that two optimizers keep under two names in optax, and a name without a row."""
    assert fields_of("square_avg") == ("nu", "e_g")
    assert fields_of("step") == ()
    assert settings_of("Adam") == TWINS["Adam"].settings
    assert settings_of("nobody's") == ()
