"""What convolutions take beside the plan: as large as what the largest one reads."""

import jax
import jax.numpy as jnp

from compare.frameworks.steps.xla_workspace import xla_workspace

IMAGES, KERNEL = (2, 8, 8, 3), (3, 3, 3, 5)
ORDER = ("NHWC", "HWIO", "NHWC")


def text_of(function):
    """Of the program compiled for images and a kernel."""
    args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (IMAGES, KERNEL)]
    return jax.jit(function).lower(*args).compile().as_text()


def convolved(images, kernel):
    """As large as the images."""
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=ORDER)


def test_both_operands_of_the_largest_convolution():
    """Forward the images and the kernel; for the kernel's gradient the images and as many gradients of outputs."""
    images, kernel, outputs = 2 * 8 * 8 * 3 * 4, 3 * 3 * 3 * 5 * 4, 2 * 8 * 8 * 5 * 4
    assert xla_workspace(text_of(convolved)) == images + kernel
    assert xla_workspace(text_of(jax.grad(lambda x, k: jnp.sum(convolved(x, k) ** 2), 1))) == images + outputs


def test_a_program_without_convolutions_takes_nothing():
    """A product's kernel copies no operand."""
    assert xla_workspace(text_of(lambda images, kernel: images.reshape(-1, 3) @ kernel.reshape(3, -1))) == 0


def test_zeros_that_are_spread_are_counted():
    """A gradient by the images of a convolution with strides reads what has zeros between its entries."""
    text = "ENTRY e (a: f32[1,2,2,4]) -> f32[1,4,4,3] {\n"
    text += "  a = f32[1,2,2,4]{3,2,1,0} parameter(0)\n  b = f32[1,1,4,3]{3,2,1,0} constant({...})\n"
    text += "  ROOT c = f32[1,4,4,3]{3,2,1,0} convolution(a, b), window={size=1x1 lhs_dilate=2x2}\n}\n"
    assert xla_workspace(text) == 64 * 4 + 48
