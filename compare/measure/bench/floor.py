"""The floor under a training step: its own matrix products run alone, over each library, and a copy of the bytes that
it must touch. No program that makes the step can be faster than both."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import torch

from compare.arrays.arrays import NUMPY_FLOAT, Arrays, to_jax, to_torch
from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked, Side, Unavailable
from compare.verdict.precision import Precision

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, JaxprEqn
    from jax.stages import Compiled

REPEATS = 16  # of all products in one call, so that calling costs nothing
Dims = tuple[tuple[tuple[int, ...], tuple[int, ...]], tuple[tuple[int, ...], tuple[int, ...]]]


@dataclass(frozen=True)
class Product:
    """One matrix product of a step, as ``lax.dot_general`` has it.

    Attributes:
        dims: (contracted axes of left and right, batch axes of left and right).
        count: how often the step makes it.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    dims: Dims
    count: int

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """(batches, rows, contracted, columns) of it as a batch of matrix products."""
        (left, _), (left_batch, _) = self.dims
        contracted, batches = (math.prod(self.left[axis] for axis in axes) for axes in (left, left_batch))
        rows = math.prod(self.left) // (contracted * batches)
        return batches, rows, contracted, math.prod(self.right) // (contracted * batches)

    @property
    def multiply_adds(self) -> int:
        return math.prod(self.sizes) * self.count


@dataclass(frozen=True)
class Needed:
    """What a step cannot do without.

    Attributes:
        products: its matrix products.
        others: names of operations that multiply matrices in another way, such as a convolution.
        bytes: half of what it reads and writes: a copy of so many touches as much.
    """

    products: tuple[Product, ...]
    others: tuple[str, ...]
    bytes: int


def needed_by(step: "ClosedJaxpr") -> Needed:
    """Read off the program of one training step."""
    products: Counter[Product] = Counter()
    others: dict[str, None] = {}
    for equation, times in _equations(step.jaxpr, 1):
        if equation.primitive.name == "dot_general":
            left, right = (_shape(operand.aval) for operand in equation.invars)
            products[Product(left, right, _plain(equation.params["dimension_numbers"]), 1)] += times
        elif equation.primitive.name == "conv_general_dilated":
            others["convolution"] = None
        elif equation.primitive.name == "while":
            others["loop of unknown length"] = None
    touched = sum(_bytes(aval) for aval in (*step.in_avals, *step.out_avals))
    found = tuple(Product(one.left, one.right, one.dims, count) for one, count in products.items())
    return Needed(found, tuple(others), touched // 2)


class FloorRunner:
    """What is under the rows, called and timed as one: ``REPEATS`` steps' worth in a call; it has no state."""

    steps_per_call = REPEATS

    def __init__(
        self, side: Side, run: Callable[[], object], wait: Callable[[], object], program: "Compiled | None" = None
    ) -> None:
        self._side: Side = side
        self._run, self._wait, self._program = run, wait, program

    def call(self, count: int) -> None:
        for _ in range(count):
            self._run()

    def wait(self) -> None:
        self._wait()

    def mark(self) -> None:
        """There is nothing to come back to."""

    def restart(self) -> None:
        """Nor here."""

    def parameters(self) -> Arrays:
        return {}

    def gradients(self) -> Arrays:
        return {}

    def looked_at(self) -> Looked:
        program = self._program
        return Looked(self._side, program=None if program is None else lambda: program)


def torch_products(needed: Needed, precision: Precision, device: Device) -> FloorRunner:
    """The products over the library that torch calls.

    Raises:
        Unavailable: the step multiplies in another way too.
    """
    _check(needed)
    jobs: list[tuple[Callable[..., object], torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for product, left, right in _operands(needed):
        a, b = (to_torch(array, precision, device.torch) for array in (left, right))
        a, b = _matrices(product, a, b)
        jobs += [(torch.bmm if a.ndim == 3 else torch.mm, a, b, a @ b)] * product.count

    @torch.no_grad()
    def run() -> None:
        for _ in range(REPEATS):
            for multiply, a, b, out in jobs:
                multiply(a, b, out=out)

    return FloorRunner("torch", run, _synchronized(device))


def numpy_products(needed: Needed, precision: Precision, device: Device) -> FloorRunner:
    """The products over NumPy's library.

    Raises:
        Unavailable: the step multiplies in another way too, or on a device or at a precision that NumPy has not.
    """
    _check(needed)
    if device.name != "cpu" or precision not in NUMPY_FLOAT:
        raise Unavailable(f"NumPy has no products in {precision.name} on the {device.name}")
    jobs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for product, left, right in _operands(needed):
        a, b = _matrices(product, *(array.astype(NUMPY_FLOAT[precision]) for array in (left, right)))
        jobs += [(a, b, a @ b)] * product.count

    def run() -> None:
        for _ in range(REPEATS):
            for a, b, out in jobs:
                np.matmul(a, b, out=out)

    return FloorRunner("numpy", run, lambda: None)


def jax_products(needed: Needed, precision: Precision, device: Device) -> FloorRunner:
    """The products in one program of XLA's, which repeats them in a loop.

    Raises:
        Unavailable: the step multiplies in another way too.
    """
    _check(needed)
    dims: list[Dims] = []
    operands: list[tuple[jax.Array, jax.Array]] = []
    for product, left, right in _operands(needed):
        both = to_jax(left, precision, device.jax), to_jax(right, precision, device.jax)
        dims += [product.dims] * product.count
        operands += [both] * product.count

    def once(operands: Any) -> Any:
        return [jax.lax.dot_general(a, b, own) for own, (a, b) in zip(dims, operands, strict=True)]

    def again(_: int, carried: Any) -> Any:
        operands, _results = jax.lax.optimization_barrier(carried)  # else the compiler takes them out of the loop
        return operands, once(operands)

    results = [jax.jit(once)(operands)]
    repeated = jax.jit(
        lambda operands, results: jax.lax.fori_loop(0, REPEATS, again, (operands, results))[1], donate_argnums=1
    )
    program = repeated.lower(operands, results[0]).compile()

    def run() -> None:
        results[0] = program(operands, results[0])

    return FloorRunner("jax", run, lambda: jax.block_until_ready(results[0]), program)


def copy_of_bytes(needed: Needed, precision: Precision, device: Device) -> FloorRunner:
    """A copy of as many bytes as the step must read and write."""
    here = torch.zeros(max(1, needed.bytes // 4), device=device.torch).normal_()
    there = torch.empty_like(here)

    def run() -> None:
        for _ in range(REPEATS):
            there.copy_(here)

    return FloorRunner("torch", run, _synchronized(device))


FLOORS: dict[str, Callable[[Needed, Precision, Device], FloorRunner]] = {
    "products, torch": torch_products,
    "products, jax": jax_products,
    "products, numpy": numpy_products,
    "copy": copy_of_bytes,
}


def _equations(jaxpr: Any, times: int) -> Iterator[tuple["JaxprEqn", int]]:
    """Every equation, those of inner programs included, and how often it runs. A branch counts as if it were taken."""
    for equation in jaxpr.eqns:
        yield equation, times
        inner = times * equation.params["length"] if equation.primitive.name == "scan" else times
        for value in equation.params.values():
            for program in value if isinstance(value, tuple | list) else (value,):
                if hasattr(program, "jaxpr") or hasattr(program, "eqns"):
                    yield from _equations(getattr(program, "jaxpr", program), inner)


def _plain(dims: Any) -> Dims:
    (left, right), (left_batch, right_batch) = dims
    return (tuple(left), tuple(right)), (tuple(left_batch), tuple(right_batch))


def _shape(aval: Any) -> tuple[int, ...]:
    return tuple(aval.shape)


def _bytes(aval: Any) -> int:
    return math.prod(aval.shape) * getattr(aval.dtype, "itemsize", 4)


def _operands(needed: Needed) -> Iterator[tuple[Product, np.ndarray, np.ndarray]]:
    """Random numbers, never zeros: a card multiplies those faster."""
    rng = np.random.default_rng(0)
    for product in needed.products:
        left, right = (rng.standard_normal(shape, dtype=np.float32) for shape in (product.left, product.right))
        yield product, left, right


def _matrices(product: Product, left: Any, right: Any) -> tuple[Any, Any]:
    """Both operands as (batches, rows, columns), or as matrices where there is one; views wherever they can be."""
    (left_in, right_in), (left_batch, right_batch) = product.dims
    batches, rows, contracted, columns = product.sizes
    left_out = [axis for axis in range(left.ndim) if axis not in (*left_in, *left_batch)]
    right_out = [axis for axis in range(right.ndim) if axis not in (*right_in, *right_batch)]
    permute = (lambda x, axes: x.permute(axes)) if isinstance(left, torch.Tensor) else np.transpose
    a = permute(left, (*left_batch, *left_out, *left_in)).reshape(batches, rows, contracted)
    b = permute(right, (*right_batch, *right_in, *right_out)).reshape(batches, contracted, columns)
    return (a[0], b[0]) if batches == 1 else (a, b)


def _check(needed: Needed) -> None:
    if needed.others:
        raise Unavailable(f"its products are not all: the step has a {' and a '.join(needed.others)}")
    if not needed.products:
        raise Unavailable("the step has no matrix products")


def _synchronized(device: Device) -> Callable[[], object]:
    return torch.cuda.synchronize if device.torch.type == "cuda" else lambda: None
