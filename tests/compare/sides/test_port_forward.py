"""The port's forward pass on flat leaves: what is traced once, and what tells two traces from each other."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.pair import pairs
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.port_forward import Form, PortForward, as_torch_has_it, is_parameter, outputs_by_name
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32


@pytest.fixture(scope="module")
def loose() -> Pair:
    """A port that is a function."""
    return pairs.find("loose")


@pytest.fixture(scope="module")
def entering(loose: Pair) -> Entering:
    """One batch for it."""
    return prepare(loose).enter(seed=0, steps=1).at(FLOAT32)


def _noting(seen: list[Any]) -> Any:
    def port(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        seen.append(x.dtype.name)
        return (x @ params["W1"].T + params["b1"]) @ params["W2"].T + params["b2"]

    return port


def _without_a_loss(loose: Pair, entering: Entering, cpu: Device) -> tuple[Quartet, Entering, list[Any]]:
    """The pair with its outputs alone, what enters it, and what its port notes each time it is traced from now on."""
    seen: list[Any] = []
    x = entering.batches[0].inputs["x"]
    alone = replace(loose, port=_noting(seen), batch=Batch({"x": x}), loss=None, by_hand=None, optimizers=None)
    quartet = Quartet(prepare(alone), FLOAT32, cpu, cpu)
    targetless = replace(entering, batches=(Batch({"x": x}),))
    seen.clear()
    return quartet, targetless, seen


def test_outputs_are_traced_for_their_shapes_once_for_both_precisions(
    loose: Pair, entering: Entering, cpu: Device
) -> None:
    """What the random cotangents need to know is the same in float64: there the port is traced once, to be run."""
    quartet, targetless, seen = _without_a_loss(loose, entering, cpu)
    quartet.working_port(targetless)
    assert len(seen) == 2
    quartet.oracle_port(targetless)
    assert seen[2:] == ["float64"]


def test_the_forward_program_says_the_shapes_of_outputs_as_well(loose: Pair, entering: Entering, cpu: Device) -> None:
    """A port that was looked at for what it rounds is traced once more, to be run."""
    quartet, targetless, seen = _without_a_loss(loose, entering, cpu)
    quartet.port.forward_program(targetless, None, ())
    shapes = quartet.port.shapes_of_outputs(targetless, None, ())
    assert len(seen) == 1
    run = quartet.working_port(targetless)
    assert len(seen) == 2
    assert {name: leaf.shape for name, leaf in shapes.items()} == {"output": run["output"].shape}


def test_the_loss_of_a_tree_of_parameters_is_that_of_the_run(loose: Pair, entering: Entering, cpu: Device) -> None:
    """What tape and benchmark take apart is what is judged."""
    side = PortSide(prepare(loose), FLOAT32, cpu.jax)
    leaves, inputs, targets = side.arrays(entering)
    loss, rest = side.loss_of(inputs, targets, entering.batches[0])(*side.tree(leaves))
    assert float(loss) == pytest.approx(float(side.run(entering)["loss"]), rel=1e-6)
    assert rest == {}


def test_shapes_of_outputs_take_no_weight_to_the_device(loose: Pair, entering: Entering, cpu: Device) -> None:
    """Asked before anything is run."""
    side = PortForward(prepare(loose), FLOAT32, cpu.jax)
    side.leaves = None  # type: ignore[assignment]
    shapes = side.shapes_of_outputs(entering, None, ())
    assert {name: leaf.shape for name, leaf in shapes.items()} == {"output": (16, 4)}


def test_forms_are_told_apart_by_names_and_structure_alone() -> None:
    """Two batches of one form run through one program."""
    x = np.ones((2, 3), np.float32)
    one, other = Form(Batch({"x": x})), Form(Batch({"x": 2 * x}))
    assert (one, hash(one)) == (other, hash(other))
    assert one != Form(Batch({"y": x}))
    assert one != Form(Batch.of({"x": x}))


def test_outputs_are_named_and_numbers_are_arrays() -> None:
    named = outputs_by_name({"logits": jnp.ones(2), "count": 3})
    assert {name: leaf.shape for name, leaf in named.items()} == {"output/logits": (2,), "output/count": ()}
    assert is_parameter("params")
    assert is_parameter("params/Dense_0/kernel")
    assert not is_parameter("params_of_another/kernel")


Z = np.array([0.3 - 0.7j, 1.1 + 0.2j, -0.5 + 0.4j], np.complex64)


def _loss(z: Any, conj: Any) -> Any:
    """Real, of complex numbers, and no function of the modulus alone."""
    return ((z**2).real * (conj(z) * (1 + 2j)).imag).sum()


def test_the_raw_conventions_are_those_that_are_translated():
    """By x + iy, torch has dL/dx + i dL/dy, JAX its conjugate; finite differences say which is which."""
    z = torch.tensor(Z, requires_grad=True)
    _loss(z, torch.conj).backward()
    jaxs = jax.grad(lambda z: _loss(z, jnp.conj))(jnp.asarray(Z))
    np.testing.assert_allclose(np.conj(jaxs), z.grad.numpy(), rtol=1e-5)
    assert np.abs(jaxs - z.grad.numpy()).max() > 1
    wide, step = Z.astype(np.complex128), 1e-6
    for at in range(len(Z)):
        for unit, part in ((1, np.real), (1j, np.imag)):
            by = step * unit * np.eye(len(Z))[at]
            slope = (_loss(wide + by, np.conj) - _loss(wide - by, np.conj)) / (2 * step)
            assert slope == pytest.approx(float(part(z.grad.numpy()[at])), rel=1e-4)


def test_cotangents_of_complex_outputs_are_translated_likewise():
    """The pullback of a conjugated cotangent is the conjugate of torch's gradient."""
    back = np.array([1 - 2j, 0.5j, -1 + 1j], np.complex64)
    z = torch.tensor(Z, requires_grad=True)
    (torch.exp(1j * z) * z.conj()).backward(torch.tensor(back))
    _, pull_back = jax.vjp(lambda z: jnp.exp(1j * z) * jnp.conj(z), jnp.asarray(Z))
    (raw,), (translated,) = pull_back(jnp.asarray(back)), as_torch_has_it(pull_back(as_torch_has_it(jnp.asarray(back))))
    np.testing.assert_allclose(translated, z.grad.numpy(), rtol=1e-5)
    assert np.abs(raw - z.grad.numpy()).max() > 0.1
