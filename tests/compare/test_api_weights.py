"""Weights that a port came with, asked for in a program and in a test suite."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

from compare import UsageError, assert_port, verify

X = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)
REFERENCE = torch.nn.Linear(6, 6)
OWN = {name: jnp.asarray(tensor.detach().numpy()) for name, tensor in REFERENCE.state_dict().items()}


def port(kernel):
    return linen.Dense(6), {"params": {"kernel": kernel, "bias": OWN["bias"]}}


@pytest.mark.usefixtures("cpu")
def test_a_square_kernel_that_nobody_transposed_is_a_match_and_wrong():
    """The function is the same with the right weights; those that came are not."""
    found = verify(REFERENCE, port(OWN["weight"]), X, quick=True, weights=True, progress=False)
    assert found.verdict == "match"
    assert not found
    assert found.weights is not None
    assert [(line["name"], line["text"]) for line in found.weights["lines"]] == [
        ("params/kernel", "transposed"), ("params/bias", "equal"),
    ]  # fmt: skip
    with pytest.raises(AssertionError, match=r"^weights: 1 of 2 arrays of the port .* params/kernel is transposed$"):
        assert_port(REFERENCE, port(OWN["weight"]), X, quick=True, weights=True)


@pytest.mark.usefixtures("cpu")
def test_variables_of_another_shape_are_wrong_weights():
    """The port does not even run on them: asked for, they are judged, and the function with the reference's."""
    wide, own = torch.nn.Linear(6, 3), linen.Dense(3)
    given = {"params": {name: jnp.asarray(tensor.detach().numpy()) for name, tensor in wide.state_dict().items()}}
    given["params"]["kernel"] = given["params"].pop("weight")
    with pytest.raises(UsageError, match="ScopeParamShapeError"):
        verify(wide, (own, given), X, quick=True, progress=False)
    found = verify(wide, (own, given), X, quick=True, weights=True, progress=False)
    assert found.verdict == "match"
    assert found.weights is not None
    assert [line["text"] for line in found.weights["lines"]] == ["transposed", "equal"]


@pytest.mark.usefixtures("cpu")
def test_without_being_asked_it_is_said_and_does_not_count():
    found = verify(REFERENCE, port(OWN["weight"]), X, quick=True, progress=False)
    assert found
    assert found.weights is not None
    assert found.weights["right"] is False
    assert "weights    1 of 2 arrays of the port" in str(found)


@pytest.mark.usefixtures("cpu")
def test_right_ones_pass_in_either_direction():
    assert_port(REFERENCE, port(OWN["weight"].T), X, quick=True, weights=True)
    found = assert_port(REFERENCE, port(OWN["weight"].T), X, quick=True, weights="reference")
    assert found.weights is not None
    assert found.weights["answer"] == "the reference's own weights are the port's: 2 arrays"


def test_what_is_no_way_to_ask_is_refused():
    with pytest.raises(UsageError, match=r"weights: expected True, False, 'port' or 'reference', got 'mine'"):
        verify(REFERENCE, port(OWN["weight"]), X, weights="mine", progress=False)
    with pytest.raises(UsageError, match="the port has no weights of its own"):
        verify(REFERENCE, linen.Dense(6), X, weights=True, quick=True, progress=False)
