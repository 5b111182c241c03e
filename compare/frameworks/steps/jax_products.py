"""The multiply-adds of JAX's operations, read off the shapes in a jaxpr."""

from math import prod
from typing import Any

from jax.extend.core import JaxprEqn

from compare.frameworks.steps.step_operation import Dimension, meetings, product

# Their products are inside a kernel, and no formula here knows how many.
UNCOUNTABLE = ("pallas_call", "ffi_call", "custom_call", "triton", "dot_product_attention", "mosaic", "lu", "qr", "fft")


def multiply_adds(equation: JaxprEqn) -> int:
    """Those of one run; 0 of what is neither a product nor a convolution."""
    name = equation.primitive.name
    if name == "dot_general":
        return _product(equation)
    if name == "conv_general_dilated":
        return _convolution(equation)
    if name.startswith("ragged_dot"):
        return prod(_shape(equation.invars[0])) * _shape(equation.invars[1])[-1]
    return 0


def uncountable(equation: JaxprEqn) -> bool:
    return equation.primitive.name.startswith(UNCOUNTABLE)


def asked_precision(equation: JaxprEqn) -> str:
    """What a product asks for beyond its dtypes: an algorithm's name, or ``HIGH`` and ``HIGHEST``."""
    asked = equation.params.get("precision")
    parts = asked if isinstance(asked, tuple) else (asked,)
    names = {str(getattr(part, "name", part)) for part in parts if part is not None}
    return ", ".join(sorted(names))


def _product(equation: JaxprEqn) -> int:
    (contracted, _), (batch, _) = equation.params["dimension_numbers"]
    left, right = map(_shape, equation.invars)
    rows, inner = prod(left[axis] for axis in batch), prod(left[axis] for axis in contracted)
    if not rows * inner:
        return 0
    return product(rows, prod(left) // (rows * inner), prod(right) // (rows * inner), inner)


def _convolution(equation: JaxprEqn) -> int:
    left, right = map(_shape, equation.invars)
    outputs = _shape(equation.outvars[0])
    given: dict[str, Any] = equation.params
    numbers = given["dimension_numbers"]
    dimensions = [
        Dimension(left[a], outputs[c], right[b], stride, low, dilated, dilation)
        for a, b, c, stride, (low, _), dilated, dilation in zip(
            numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], given["window_strides"],
            given["padding"], given["lhs_dilation"], given["rhs_dilation"], strict=True,
        )
    ]  # fmt: skip
    rows, features = outputs[numbers.out_spec[0]], outputs[numbers.out_spec[1]]
    return rows * features * right[numbers.rhs_spec[1]] * meetings(dimensions)


def _shape(atom: Any) -> tuple[int, ...]:
    return tuple(atom.aval.shape)
