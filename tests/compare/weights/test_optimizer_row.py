"""A row's settings read in either library's words, and the numbers of a signature."""

import numpy as np

from compare.weights.optimizer_row import POSITIVE, OptimizerSetting, Twin, defaults, flat

EPSILON = OptimizerSetting("epsilon", "eps", ("eps",), "epsilon", POSITIVE)
ROW = Twin(
    "Mine",
    torch=("Mine",),
    optax={"mine": {}, "scale_by_mine": {"centered": 1.0}},
    slots={},
    settings=(
        OptimizerSetting("beta", "betas[1]", ("b2", "decay")),
        EPSILON,
        OptimizerSetting("epsilon_root", default=0.25),
        OptimizerSetting("centered"),
    ),
    direction=lambda at, state, gradient, step, rate: gradient,
)


def test_torchs_keys_are_read_and_what_it_lacks_is_the_default():
    """The second of a tuple; nothing of what no setting stands for."""
    assert ROW.of_torch(flat({"betas": (0.5, 0.75), "eps": 1e-3, "foreach": None, "params": []})) == {
        "beta": 0.75,
        "epsilon": 1e-3,
        "epsilon_root": 0.25,
        "centered": 0,
    }


def test_optaxs_parameters_are_read_by_any_of_their_names():
    """With what a function fixes, and an epsilon that it puts below the root."""
    assert ROW.of_optax("mine", {"decay": 0.5, "eps": 1e-3})["beta"] == 0.5
    assert ROW.of_optax("mine", {"b2": 0.5})["centered"] == 0
    moved = ROW.of_optax("scale_by_mine", {"b2": 0.5, "eps": 1e-3, "eps_in_sqrt": 1})
    assert moved == {"beta": 0.5, "epsilon": 0.0, "epsilon_root": 1e-3, "centered": 1}


def test_numbers_and_flags_are_flat():
    """None is nothing, an array without axes a number; what is no number is left out."""
    assert flat({"a": True, "b": None, "c": (1, "x"), "d": np.float32(0.5), "e": np.ones(2), "f": str}) == {
        "a": 1,
        "b": 0,
        "c[0]": 1,
        "d": 0.5,
    }


def test_defaults_are_those_of_the_signature():
    """And nothing where there is none."""

    def factory(learning_rate, b1=0.9, mask=None, nesterov=False, mode="hard"):
        return learning_rate, b1, mask, nesterov, mode

    assert defaults(factory) == {"b1": 0.9, "mask": 0, "nesterov": 0}
