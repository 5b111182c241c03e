"""Optimizer state, slot by slot: torch's names, optax's values, and a wrong beta caught in the slot that holds it."""

from collections.abc import Callable

import numpy as np
import optax
import pytest
import torch

from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.sides.moments import moments_of_optax, moments_of_torch, widened
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from tests.compare.small import dense_pair

USERS_MODELS = True
PARAMETERS = ("fc.weight", "fc.bias", "head.weight", "head.bias")

SOUND: dict[str, tuple[Callable, Callable, set[str]]] = {
    "SGD": (lambda p: torch.optim.SGD(p, lr=0.1), lambda: optax.sgd(0.1), set()),
    "momentum": (
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda: optax.sgd(0.1, momentum=0.9),
        {"momentum_buffer"},
    ),
    "Adam": (lambda p: torch.optim.Adam(p, lr=1e-2), lambda: optax.adam(1e-2), {"exp_avg", "exp_avg_sq"}),
    "AMSGrad": (
        lambda p: torch.optim.Adam(p, lr=1e-2, amsgrad=True),
        lambda: optax.amsgrad(1e-2),
        {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    ),
    "AdamW": (
        lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1),
        lambda: optax.chain(optax.clip(1e9), optax.adamw(1e-2, weight_decay=0.1)),
        {"exp_avg", "exp_avg_sq"},
    ),
    "RMSprop": (
        lambda p: torch.optim.RMSprop(p, lr=1e-2, alpha=0.99, eps=1e-8),
        lambda: optax.rmsprop(1e-2, decay=0.99, eps=1e-8, eps_in_sqrt=False),
        {"square_avg"},
    ),
    "Adagrad": (
        lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10),
        lambda: optax.chain(
            optax.scale_by_rss(initial_accumulator_value=0.0, eps=1e-10), optax.scale_by_learning_rate(0.1)
        ),
        {"sum"},
    ),
}
SOUND |= {
    "Adadelta": (
        lambda p: torch.optim.Adadelta(p, lr=1.0),
        lambda: optax.adadelta(1.0, rho=0.9, eps=1e-6),
        {"square_avg", "acc_delta"},
    ),
    "Adamax": (lambda p: torch.optim.Adamax(p, lr=1e-2), lambda: optax.adamax(1e-2), {"exp_avg", "exp_inf"}),
}
# AMSGrad keeps the maximum of another quantity: torch of the raw second moments, optax of the corrected ones.
MATCHING = [name for name in SOUND if name not in ("AMSGrad", "Adagrad")]


def judged(cpu, reference: Callable, port: Callable) -> dict:
    """Three steps of the dense pair under both optimizers."""
    quartet = Quartet(prepare(dense_pair(optimizers=Optimizers(reference, port))), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 3).at(FLOAT32)
    return quartet.judge(*quartet.run(entering, STEPS))


def slots_of(found: dict) -> dict[str, set[str]]:
    """Of each slot, the parameters that were compared."""
    made: dict[str, set[str]] = {}
    for name in found:
        if name.startswith("after/optimizer/"):
            slot, parameter = name.removeprefix("after/optimizer/").split("/")
            made.setdefault(slot, set()).add(parameter)
    return made


@pytest.mark.parametrize("name", MATCHING)
def test_every_slot_of_every_parameter_is_compared_and_matches(name, cpu):
    """After three steps, under torch's names, in the reference's layout; also inside a chain."""
    reference, port, slots = SOUND[name]
    found = judged(cpu, reference, port)
    assert slots_of(found) == {slot: set(PARAMETERS) for slot in slots}
    assert {name: one.verdict for name, one in found.items() if one.verdict.severity > 1} == {}
    state = {name: one for name, one in found.items() if name.startswith("after/optimizer/")}
    assert all(one.verdict is Verdict.MATCH for one in state.values())
    assert all(one.scale > 0 for one in state.values())


FAULTS = {
    "beta2": ("Adam", lambda: optax.adam(1e-2, b2=0.99901), "exp_avg_sq", "exp_avg"),
    "beta1": ("Adam", lambda: optax.adam(1e-2, b1=0.90001), "exp_avg", None),
    "momentum": ("momentum", lambda: optax.sgd(0.1, momentum=0.90001), "momentum_buffer", None),
    "decay": ("RMSprop", lambda: optax.rmsprop(1e-2, decay=0.99001, eps=1e-8, eps_in_sqrt=False), "square_avg", None),
}


@pytest.mark.parametrize(("name", "port", "wrong", "right"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_decay_is_caught_in_its_slot(name, port, wrong, right, cpu):
    """1e-5 of a decay shows where it is kept: every parameter's slot is no match."""
    found = judged(cpu, SOUND[name][0], port)
    assert {found[f"after/optimizer/{wrong}/{parameter}"].verdict for parameter in PARAMETERS} == {Verdict.MISMATCH}
    if right:
        after_one = dense_pair(optimizers=Optimizers(SOUND[name][0], port))
        quartet = Quartet(prepare(after_one), FLOAT32, cpu, cpu)
        one_step = quartet.judge(*quartet.run(quartet.prepared.enter(0, 1).at(FLOAT32), STEPS))
        assert one_step[f"after/optimizer/{right}/fc.weight"].verdict is Verdict.MATCH


def test_a_missing_slot_is_not_judged_but_its_updates_are(cpu):
    """torch keeps a momentum, the port none: there is no state to hold against it, and the second step shows it."""
    found = judged(cpu, SOUND["momentum"][0], SOUND["SGD"][1])
    assert not [name for name in found if name.startswith("after/optimizer/momentum_buffer")]
    assert found["step2/update/fc.weight"].verdict is Verdict.MISMATCH


def test_moments_of_torch_are_copies_in_float64_without_counters():
    """The optimizer goes on afterwards; what was taken stays."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    parameter.grad = torch.ones(3)
    optimizer.step()
    taken = moments_of_torch(optimizer, {"w": parameter})
    assert set(taken) == {"optimizer/exp_avg/w", "optimizer/exp_avg_sq/w"}
    before = taken["optimizer/exp_avg/w"].copy()
    optimizer.step()
    np.testing.assert_array_equal(taken["optimizer/exp_avg/w"], before)
    assert before.dtype == np.float64
    np.testing.assert_allclose(before, 0.1, rtol=1e-6)


def test_moments_of_optax_are_found_in_any_nest():
    """In chains, in masked and injected states; each slot once, and only those that torch keeps."""
    params = {"w": np.ones(2, np.float32)}
    adam = optax.adam(0.1)
    for made in (adam, optax.chain(optax.clip(1.0), adam), optax.inject_hyperparams(optax.adam)(learning_rate=0.1)):
        found = moments_of_optax(made.init(params), dict, {"exp_avg", "exp_avg_sq", "momentum_buffer"})
        assert set(found) == {"exp_avg", "exp_avg_sq"}
    assert moments_of_optax(optax.sgd(0.1).init(params), dict, {"momentum_buffer"}) == {}


def test_moments_of_complex_parameters_keep_both_parts():
    """torch's are complex, each part with a moment of its own; optax's are two arrays where they are split."""
    parameter = torch.nn.Parameter(torch.tensor([1 + 2j, -0.5 + 0.25j]))
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    parameter.grad = torch.tensor([0.5 - 1j, 2 + 0.1j])
    optimizer.step()
    taken = moments_of_torch(optimizer, {"w": parameter})
    made = optax.contrib.split_real_and_imaginary(optax.adam(0.1))
    params = {"w": np.array([1 + 2j, -0.5 + 0.25j], np.complex64)}
    _, state = made.update({"w": np.array([0.5 - 1j, 2 + 0.1j], np.complex64)}, made.init(params), params)
    found = moments_of_optax(state, dict, {"exp_avg", "exp_avg_sq"})
    for slot in ("exp_avg", "exp_avg_sq"):
        assert taken[f"optimizer/{slot}/w"].dtype == np.complex128
        assert (taken[f"optimizer/{slot}/w"].imag != 0).all()
        np.testing.assert_allclose(widened(found[slot])["w"], taken[f"optimizer/{slot}/w"], rtol=1e-6)


def test_what_groups_keep_apart_is_one_tree():
    """By ``partition`` and by ``masked``: each keeps its own parameters, the others stand masked in it."""
    params = {"w": np.ones((2, 2), np.float32), "b": np.ones(2, np.float32)}
    labels = {"w": "w", "b": "b"}
    parted = optax.partition({"w": optax.adam(0.1), "b": optax.sgd(0.1, momentum=0.9)}, labels)
    masked = optax.chain(
        optax.masked(optax.adam(0.1), {"w": True, "b": False}), optax.masked(optax.adam(0.1), {"w": False, "b": True})
    )
    slots = {"exp_avg", "momentum_buffer"}
    found = {slot: sorted(tree) for slot, tree in moments_of_optax(parted.init(params), dict, slots).items()}
    assert found == {"exp_avg": ["w"], "momentum_buffer": ["b"]}
    assert sorted(moments_of_optax(masked.init(params), dict, slots)["exp_avg"]) == ["b", "w"]
