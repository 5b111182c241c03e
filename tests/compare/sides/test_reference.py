"""The reference's side: the pair's module is never touched, and what comes out is what entered, computed."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from compare.api import verify
from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.pair import pairs
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import BFLOAT16, FLOAT32, FLOAT64, Precision
from compare.weights.entry import same
from compare.weights.weights import WeightMap
from tests.compare.small import dense_pair

NUMPY = {FLOAT64: "float64", FLOAT32: "float32", BFLOAT16: "float32"}  # what a precision comes out as


@pytest.fixture(scope="module")
def loose() -> Pair:
    """A reference that is a function."""
    return pairs.find("loose")


@pytest.fixture(scope="module")
def entering(loose: Pair) -> Entering:
    """Three batches for it."""
    return prepare(loose).enter(seed=0, steps=3).at(FLOAT32)


def _side(pair: Pair, cpu: Device, precision: Precision = FLOAT64) -> ReferenceSide:
    return ReferenceSide(prepare(pair), precision, cpu.torch)


def _pair_of_two(loose: Pair) -> Pair:
    """A pair whose inputs come in another order than their names sort, one of them whole numbers."""

    def draw(rng: np.random.Generator) -> Batch:
        inputs = {"z": rng.standard_normal((3, 4)), "n": np.array([0, 2, 1]), "a": rng.standard_normal((3, 4))}
        return Batch(inputs, {})

    return replace(
        loose,
        reference=lambda p, z, n, a: 10 * z * p["w"] - a + n[:, None],
        batch=draw,
        weights=lambda rng: {"w": rng.standard_normal(4)},
        loss=(torch.sum, lambda outputs: outputs.sum()),
        weight_map=WeightMap(same("w")),
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_pairs_module_is_never_touched(cpu: Device, training: bool) -> None:
    """State, mode, requires_grad and ``.grad`` are as before, to the bit, at both precisions."""
    pair = pairs.find("mlp", rows=8)
    pair.reference.train(training)
    pair.reference.net[1].bias.requires_grad_(False)
    before = copy.deepcopy(pair.reference.state_dict())
    for precision in (FLOAT32, FLOAT64):
        side = _side(pair, cpu, precision)
        side.run(prepare(pair).enter(0, 2))
        side.steps(prepare(pair).enter(0, 2))
    for name, tensor in pair.reference.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name]), name
    assert [module.training for module in pair.reference.modules()] == [training] * 6
    assert [w.requires_grad for w in pair.reference.parameters()] == [True, False, True, True]
    assert all(parameter.grad is None for parameter in pair.reference.parameters())


@pytest.mark.parametrize("precision", [FLOAT64, FLOAT32, BFLOAT16], ids=lambda precision: precision.name)
def test_everything_is_computed_at_the_precision(
    loose: Pair, entering: Entering, cpu: Device, precision: Precision
) -> None:
    """Outputs, loss and gradients; the updates are differences in float64, whatever the precision."""
    side = _side(loose, cpu, precision)
    assert {array.dtype.name for array in side.run(entering).values()} == {NUMPY[precision]}
    updates = {name: array for name, array in side.steps(entering).items() if "loss" not in name}
    assert {array.dtype.name for array in updates.values()} == {"float64"}


def test_float64_is_no_widened_float32(loose: Pair, entering: Entering, cpu: Device) -> None:
    """Its results have digits that float32 cannot hold."""
    output = _side(loose, cpu).run(entering)["output"]
    assert (output != output.astype(np.float32)).any()


def test_what_is_returned_is_named(loose: Pair, entering: Entering, cpu: Device) -> None:
    """Outputs, loss, each parameter's gradient, each floating input's; of a step the updates, of the last the state."""
    names = ["output", "loss", "grad/W1", "grad/b1", "grad/W2", "grad/b2", "grad/input.x"]
    assert list(_side(loose, cpu).run(entering)) == names
    weights = ("W1", "b1", "W2", "b2")
    updates = {f"{step}update/{name}" for step in ("", "step2/", "step3/") for name in weights}
    state = {f"after/optimizer/momentum_buffer/{name}" for name in weights}
    assert set(_side(loose, cpu).steps(entering)) == updates | state | {"step2/loss", "step3/loss"}


def test_inputs_keep_their_order_and_integers_get_no_gradient(loose: Pair, cpu: Device) -> None:
    """Positional arguments in the batch's order; whole numbers are not differentiated."""
    pair = _pair_of_two(loose)
    entering = prepare(pair).enter(0, 1)
    batch, w = entering.batches[0].inputs, entering.weights["w"]
    ran = _side(pair, cpu).run(entering)
    np.testing.assert_allclose(ran["output"], 10 * batch["z"] * w - batch["a"] + batch["n"][:, None], rtol=1e-14)
    assert list(ran) == ["output", "loss", "grad/w", "grad/input.z", "grad/input.a"]
    np.testing.assert_array_equal(ran["grad/input.a"], -np.ones((3, 4)))


def test_the_cotangent_multiplies_the_gradients_only(loose: Pair, entering: Entering, cpu: Device) -> None:
    """A cotangent of -2 doubles and turns round every gradient; outputs and loss are as they were."""
    side = _side(loose, cpu)
    once, twice = side.run(entering), side.run(replace(entering, cotangent=-2.0))
    for name, array in once.items():
        np.testing.assert_array_equal(twice[name], -2 * array if name.startswith("grad/") else array)


def test_a_promoted_oracle_takes_the_cotangent_of_one_number_as_it_is(loose: Pair, cpu: Device) -> None:
    """And not for the decimal that its float32 is written as: gradients are those of the plain oracle, to rounding."""
    prepared = prepare(replace(_pair_of_two(loose), reference=lambda p, z, n, a: (z * p["w"] - a).sum(), loss=None))
    entered = prepared.enter(0, 1).at(FLOAT32)
    plain, promoted = (ReferenceSide(prepared, FLOAT64, cpu.torch, promoted).run(entered) for promoted in (False, True))
    np.testing.assert_allclose(promoted["grad/w"], plain["grad/w"], rtol=1e-14)
    np.testing.assert_array_equal(promoted["grad/input.a"], plain["grad/input.a"])


def test_updates_are_parameter_differences(loose: Pair, entering: Entering, cpu: Device) -> None:
    """The first is -0.1 of the gradient at the start, the second -0.1 (0.9 g1 + g2), g2 taken where the first led."""
    side = _side(loose, cpu)
    steps = side.steps(entering)
    weights = {name: entering.weights[name] + steps[f"update/{name}"] for name in entering.weights}
    start, moved = side.run(entering), side.run(replace(entering, weights=weights, batches=entering.batches[1:]))
    assert moved["loss"] == pytest.approx(steps["step2/loss"], rel=1e-14)
    for name in entering.weights:
        g1, g2 = start[f"grad/{name}"], moved[f"grad/{name}"]
        np.testing.assert_allclose(steps[f"update/{name}"], -0.1 * g1, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(steps[f"step2/update/{name}"], -0.1 * (0.9 * g1 + g2), rtol=1e-9, atol=1e-15)


def test_no_state_is_carried_over(loose: Pair, entering: Entering, cpu: Device) -> None:
    """Steps, run, steps, run: neither weights, nor gradients, nor momentum reach the next call."""
    side = _side(loose, cpu, FLOAT32)
    steps, ran = side.steps(entering), side.run(entering)
    for again, once in ((side.steps(entering), steps), (side.run(entering), ran)):
        for name, array in once.items():
            np.testing.assert_array_equal(again[name], array)


EXPECTED = "expected a dense tensor, or such tensors in tuples, lists and dictionaries"


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda y: None, f"the reference returned None: {EXPECTED}"),
        (lambda y: {}, f"the reference returned a dict: {EXPECTED}"),
        (lambda y: [], f"the reference returned []: {EXPECTED}"),
        (lambda y: {"a": y, "b": "s"}, f"the reference returned 's' as output/b: {EXPECTED}"),
        (lambda y: (part for part in y), f"the reference returned a generator as output: {EXPECTED}"),
        (lambda y: y.detach().numpy(), f"the reference returned an ndarray as output: {EXPECTED}"),
        (lambda y: y.to_sparse(), f"output of the reference is sparse, quantized or nested: {EXPECTED}"),
    ],
    ids=["None", "dict", "list", "text", "generator", "NumPy", "sparse"],
)
def test_what_is_no_output_is_refused_by_name(returned, words):
    """Whatever the port returns: it is not accused of a gradient that the reference does not have."""
    with pytest.raises(UsageError) as raised:
        verify(dense_pair(reference_outputs=returned), device="cpu", quick=True)
    assert words in str(raised.value)


def test_a_default_device_of_the_callers_is_not_the_sides():
    """What the model's own code and PyTorch's make without naming a device is made where the side runs."""
    pair = dense_pair()
    torch.set_default_device("meta")
    try:
        assert verify(pair, device="cpu", quick=True).verdict == "match"
    finally:
        torch.set_default_device(None)
