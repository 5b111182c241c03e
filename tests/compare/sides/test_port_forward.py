"""The port's forward pass on flat leaves: what is traced once, and what tells two traces from each other."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.pair import pairs
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.port_forward import Form, PortForward, is_parameter, outputs_by_name
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


def test_outputs_are_traced_for_their_shapes_once_for_both_precisions(
    loose: Pair, entering: Entering, cpu: Device
) -> None:
    """What the random cotangents need to know is the same in float64: there the port is traced once, to be run."""
    seen: list[Any] = []
    x = entering.batches[0].inputs["x"]
    alone = replace(loose, port=_noting(seen), batch=Batch({"x": x}), loss=None, by_hand=None, optimizers=None)
    quartet = Quartet(prepare(alone), FLOAT32, cpu, cpu)
    targetless = replace(entering, batches=(Batch({"x": x}),))
    seen.clear()
    quartet.working_port(targetless)
    assert len(seen) == 2
    quartet.oracle_port(targetless)
    assert seen[2:] == ["float64"]


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
