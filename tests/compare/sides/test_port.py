"""The port's side: pure functions of what enters, compiled once, with x64 only where float64 is wanted."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.api import verify
from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.pair import pairs
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.verdict.precision import BFLOAT16, FLOAT32, FLOAT64, Precision
from compare.verification.mutants import mutants
from compare.weights.entry import same
from compare.weights.weights import WeightMap
from tests.compare.small import dense_pair

NUMPY = {FLOAT64: "float64", FLOAT32: "float32", BFLOAT16: "float32"}  # what a precision comes out as


@pytest.fixture(scope="module")
def loose() -> Pair:
    """A port that is a function."""
    return pairs.find("loose")


@pytest.fixture(scope="module")
def entering(loose: Pair) -> Entering:
    """Three batches for it."""
    return prepare(loose).enter(seed=0, steps=3).at(FLOAT32)


@pytest.fixture(scope="module", params=[FLOAT64, FLOAT32, BFLOAT16], ids=lambda precision: precision.name)
def side(request: pytest.FixtureRequest, loose: Pair, cpu: Device) -> PortSide:
    """It at each precision, compiled once for all tests below."""
    return PortSide(prepare(loose), request.param, cpu.jax)


@pytest.fixture(scope="module")
def side_64(loose: Pair, cpu: Device) -> PortSide:
    """It in float64 alone."""
    return PortSide(prepare(loose), FLOAT64, cpu.jax)


@pytest.fixture(autouse=True)
def _x64_stays_off() -> Iterator[None]:
    """No call below leaves x64 on behind it."""
    assert jnp.zeros(1).dtype == jnp.float32
    yield
    assert jnp.zeros(1).dtype == jnp.float32


def _noting(seen: list[Any]) -> Any:
    def port(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        seen.append((jnp.zeros(1).dtype.name, jnp.arange(1).dtype.name, x.dtype.name, params["W1"].dtype.name))
        return (x @ params["W1"].T + params["b1"]) @ params["W2"].T + params["b2"]

    return port


@pytest.mark.parametrize(("precision", "makes"), [(FLOAT32, "float32"), (BFLOAT16, "float32"), (FLOAT64, "float64")])
def test_x64_is_on_for_the_oracle_only(
    loose: Pair, entering: Entering, cpu: Device, precision: Precision, makes: str
) -> None:
    """What ``jnp.zeros`` and ``jnp.arange`` make inside the user's model, traced for gradients and for steps: integers
    are int32 in the oracle too."""
    seen: list[Any] = []
    side = PortSide(prepare(replace(loose, port=_noting(seen))), precision, cpu.jax)
    with jax.enable_x64(precision is FLOAT32):  # whoever calls may have it the other way round
        side.run(entering)
        side.steps(entering)
    assert len(seen) >= 2
    assert set(seen) == {(makes, "int32", precision.name, precision.name)}


def test_everything_is_computed_at_the_precision(side: PortSide, entering: Entering) -> None:
    """Outputs, loss and gradients; the updates are differences in float64, whatever the precision."""
    assert {array.dtype.name for array in side.run(entering).values()} == {NUMPY[side.precision]}
    updates = {name: array for name, array in side.steps(entering).items() if "loss" not in name}
    assert {array.dtype.name for array in updates.values()} == {"float64"}


def test_float64_is_no_widened_float32(side_64: PortSide, entering: Entering) -> None:
    """Its results have digits that float32 cannot hold."""
    output = side_64.run(entering)["output"]
    assert (output != output.astype(np.float32)).any()


def test_inputs_keep_their_order_and_integers_get_no_gradient(loose: Pair, cpu: Device) -> None:
    """Positional arguments in the batch's order, though JAX sorts a dictionary's keys."""

    def draw(rng: np.random.Generator) -> Batch:
        inputs = {"z": rng.standard_normal((3, 4)), "n": np.array([0, 2, 1]), "a": rng.standard_normal((3, 4))}
        return Batch(inputs, {"v": rng.standard_normal(3), "b": np.ones(3)})

    pair = replace(
        loose,
        port=lambda p, z, n, a: 10 * z * p["w"] - a + n[:, None].astype(z.dtype),
        batch=draw,
        weights=lambda rng: {"w": rng.standard_normal(4)},
        weight_map=WeightMap(same("w")),
        loss=(torch.sum, lambda outputs, v, b: outputs.sum() + (v - 2 * b).sum()),
    )
    entering = prepare(pair).enter(0, 1)
    batch, w = entering.batches[0], entering.weights["w"]
    ran = PortSide(prepare(pair), FLOAT64, cpu.jax).run(entering)
    z, n, a = batch.inputs.values()
    np.testing.assert_allclose(ran["output"], 10 * z * w - a + n[:, None], rtol=1e-14)
    assert ran["loss"] == pytest.approx(ran["output"].sum() + batch.targets["v"].sum() - 6)
    assert list(ran) == ["output", "loss", "grad/w", "grad/input.z", "grad/input.a"]
    np.testing.assert_allclose(ran["grad/input.z"], np.broadcast_to(10 * w, (3, 4)), rtol=1e-14)
    np.testing.assert_array_equal(ran["grad/input.a"], -np.ones((3, 4)))


def test_the_cotangent_multiplies_the_gradients_only(side: PortSide, entering: Entering) -> None:
    """A cotangent of -2 doubles and turns round every gradient; outputs and loss are as they were."""
    once, twice = side.run(entering), side.run(replace(entering, cotangent=-2.0))
    for name, array in once.items():
        np.testing.assert_array_equal(twice[name], -2 * array if name.startswith("grad/") else array)


def test_updates_are_parameter_differences(side_64: PortSide, entering: Entering) -> None:
    """The first is -0.1 of the gradient at the start, the second -0.1 (0.9 g1 + g2), g2 taken where the first led."""
    steps = side_64.steps(entering)
    weights = {name: entering.weights[name] + steps[f"update/{name}"] for name in entering.weights}
    start = side_64.run(entering)
    moved = side_64.run(replace(entering, weights=weights, batches=entering.batches[1:]))
    assert moved["loss"] == pytest.approx(steps["step2/loss"], rel=1e-14)
    for name in entering.weights:
        g1, g2 = start[f"grad/{name}"], moved[f"grad/{name}"]
        np.testing.assert_allclose(steps[f"update/{name}"], -0.1 * g1, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(steps[f"step2/update/{name}"], -0.1 * (0.9 * g1 + g2), rtol=1e-9, atol=1e-15)


def test_no_state_is_carried_over(side: PortSide, entering: Entering) -> None:
    """Steps, run, steps, run: neither weights nor momentum reach the next call."""
    steps, ran = side.steps(entering), side.run(entering)
    for again, once in ((side.steps(entering), steps), (side.run(entering), ran)):
        for name, array in once.items():
            np.testing.assert_array_equal(again[name], array)


def test_a_mutant_reuses_the_program(loose: Pair, entering: Entering, cpu: Device) -> None:
    """Weights, rows, labels, cotangent and hyper-parameters are arguments: all mutants share what is compiled."""
    side, made = PortSide(prepare(loose), FLOAT32, cpu.jax), mutants(entering)
    programs = side._value_and_grads, side._init, side._step
    for mutant in (entering, *made.values()):
        side.run(mutant)
        side.steps(mutant)
    assert len(made) >= 6
    assert [program._cache_size() for program in programs] == [1, 1, 1]


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda precision: precision.name)
def test_the_program_is_compiled_once_before_the_weights_come(
    loose: Pair, entering: Entering, cpu: Device, precision: Precision, monkeypatch: Any, caplog: Any
) -> None:
    """So no weight is on the device while a large model compiles, and no cycle of the tracing holds one after it."""
    side, held = PortSide(prepare(loose), precision, cpu.jax), []
    brought = side.leaves

    def compiled() -> int:
        return sum("XLA compilation of jit(_trace_value_and_grads)" in line for line in caplog.messages)

    def leaves(entering: Entering) -> dict[str, Any]:
        assert compiled() == 1
        made = brought(entering)
        held.extend(weakref.ref(leaf) for leaf in made.values())
        return made

    monkeypatch.setattr(side, "leaves", leaves)
    gc.disable()
    try:
        with jax.log_compiles(True):
            side.run(entering)
        assert held
        assert not any(leaf() is not None for leaf in held)
    finally:
        gc.enable()
    assert compiled() == 1


def test_a_port_of_other_sizes_is_refused_by_name() -> None:
    """Before anything is computed, with both shapes."""
    import jaxport.mlp

    pair = pairs.find("mlp", rows=2)
    assert prepare(pair).leaves["params/Dense_0/kernel"] == (784, 128)
    narrow = replace(pair, port=jaxport.mlp.MLP(hidden=64))
    complaint = r"net.1.weight is \(784, 128\) in the common layout, params/Dense_0/kernel is \(784, 64\)"
    with pytest.raises(UsageError, match=complaint):
        prepare(narrow)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("x", "the port returned 'x' as output: expected an array, or arrays in tuples, lists and dictionaries"),
        ({"a": object()}, "the port returned an object as output/a: expected an array"),
    ],
)
def test_what_is_no_output_is_refused_by_name(returned: Any, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        verify(dense_pair(port_outputs=lambda outputs: returned), device="cpu", quick=True)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("optimizers", "words"),
    [
        ((lambda p: 3, lambda: 3), "the reference's optimizers= returned 3: expected a torch.optim.Optimizer"),
        ((torch.optim.SGD, lambda: 3), "the port's optimizers= returned 3: expected an optax transformation"),
        ((lambda: 3, lambda: 3), "the reference's optimizers= raised TypeError"),
        ((torch.optim.SGD, lambda rate: 3), "the port's optimizers= raised TypeError"),
    ],
)
def test_what_makes_no_optimizer_is_told_by_its_field(optimizers: Any, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        verify(dense_pair(optimizers=optimizers), device="cpu", quick=True)
    assert words in str(raised.value)


class Scaled(torch.nn.Module):
    """A table that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = torch.nn.Linear(4, 3)
        self.register_buffer("table", torch.randn(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.fc(x)) * self.table


def test_a_function_keeps_the_references_buffers_among_its_parameters() -> None:
    """It has no other place for them: no call changes them, and no step trains them."""

    def port(p: Any, x: jax.Array) -> jax.Array:
        return jnp.tanh(x @ p["k"] + p["b"]) * p["t"]

    leaves = {"k": jnp.ones((4, 3)), "b": jnp.ones(3), "t": jnp.ones(3)}
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    decayed = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1))
    optimizers = (lambda own: torch.optim.SGD(own, lr=0.1, weight_decay=0.1), decayed)
    found = verify(Scaled(), (port, leaves), x, quick=True, progress=False, optimizers=optimizers)
    assert found.verdict == "match", str(found)
    assert {one.name for one in found.result.quantities} >= {"state/table", "after/state/table"}
    wrong = verify(Scaled(), (lambda p, x: port({**p, "t": 1.001 * p["t"]}, x), leaves), x, quick=True, progress=False)
    assert wrong.verdict == "mismatch"
