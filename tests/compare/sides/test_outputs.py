"""What a model returns gets one name on both sides, whatever it is packed in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare import pairs
from compare.devices import Device
from compare.pair import Pair, enter
from compare.precision import FLOAT32
from compare.sides.outputs import named_outputs
from compare.sides.port import PortSide
from compare.sides.reference import ReferenceSide
from compare.weights import Arrays


class Packed(NamedTuple):
    """As many models return their outputs."""

    logits: Any
    extra: Any


PACKINGS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "bare": (lambda x: x, ["output"]),
    "tuple": (lambda x: (x, 2 * x), ["output/0", "output/1"]),
    "list of one": (lambda x: [x], ["output/0"]),
    "named tuple": (lambda x: Packed(x, 2 * x), ["output/0", "output/1"]),
    "dictionary": (lambda x: {"z": x, "a": 2 * x}, ["output/a", "output/z"]),
    "nested": (lambda x: {"z": (x, {"b": 3 * x}), "a": 2 * x}, ["output/a", "output/z/0", "output/z/1/b"]),
    "nothing beside": (lambda x: (x, None), ["output/0"]),
    "empty": (lambda x: {"z": x, "a": ()}, ["output/z"]),
}


def _both(pair: Pair, cpu: Device) -> list[Arrays]:
    entering = enter(pair, 0, 1)
    sides = ReferenceSide(pair, FLOAT32, cpu.torch), PortSide(pair, FLOAT32, cpu.jax)
    return [side.run(entering) for side in sides]


def _leaf(outputs: Any) -> Any:
    """The first array in ``outputs``, for the loss."""
    return next(array for _, array in named_outputs(outputs) if array is not None)


@pytest.mark.parametrize(("pack", "names"), PACKINGS.values(), ids=PACKINGS)
def test_both_sides_name_their_outputs_alike(cpu: Device, pack: Callable, names: list[str]) -> None:
    """By position and by key; nothing is made of None, which neither framework counts as an output."""
    pair = pairs.find("loose")
    packed = replace(
        pair,
        reference=lambda params, x: pack(pair.reference(params, x)),
        port=lambda params, x: pack(pair.port(params, x)),
        reference_loss=lambda outputs, y: _leaf(outputs).mean(),
        port_loss=lambda outputs, y: _leaf(outputs).mean(),
    )
    for run in _both(packed, cpu):
        assert sorted(name for name in run if name.startswith("output")) == names


def test_the_names_lead_to_the_right_arrays(cpu: Device) -> None:
    """A dictionary comes sorted out of JAX and in its own order out of torch: the key decides."""
    pair = pairs.find("loose")
    packed = replace(
        pair,
        reference=lambda params, x: {"z": x, "a": pair.reference(params, x)},
        port=lambda params, x: {"z": x, "a": pair.port(params, x)},
        reference_loss=lambda outputs, y: outputs["a"].mean(),
        port_loss=lambda outputs, y: outputs["a"].mean(),
    )
    reference, port = _both(packed, cpu)
    for name in ("output/z", "output/a"):
        np.testing.assert_allclose(reference[name], port[name], rtol=1e-4, atol=1e-6)


def test_an_unused_parameter_and_input_are_named_alike(cpu: Device) -> None:
    """torch leaves their ``.grad`` at None, JAX returns zeros: the same gradient under the same name."""
    pair = pairs.find("loose")
    unused = replace(
        pair,
        reference=lambda params, x: params["W2"].sum(1)[None],
        port=lambda params, x: params["W2"].sum(1)[None],
        reference_loss=lambda outputs, y: outputs.mean(),
        port_loss=lambda outputs, y: outputs.mean(),
    )
    reference, port = _both(unused, cpu)
    assert sorted(reference) == sorted(port)


def test_a_parameter_of_an_unused_output_has_a_gradient_of_zero(cpu: Device) -> None:
    """An output that the loss does not take is still named on both sides."""
    pair = pairs.find("loose")
    beside = replace(
        pair,
        reference=lambda params, x: (pair.reference(params, x), x),
        port=lambda params, x: (pair.port(params, x), x),
        reference_loss=lambda outputs, y: pair.reference_loss(outputs[0], y),
        port_loss=lambda outputs, y: pair.port_loss(outputs[0], y),
    )
    reference, port = _both(beside, cpu)
    assert sorted(reference) == sorted(port)
    np.testing.assert_array_equal(reference["output/1"], port["output/1"])
