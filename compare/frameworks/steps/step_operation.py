"""One operation of a training step, as both frameworks' programs are written down to be held against each other."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """What an operation reads, computes and is needed for.

    Attributes:
        name: the framework's own, ``addmm`` or ``dot_general``.
        dtypes: the floating dtypes among what it reads and returns.
        multiply_adds: of a product or a convolution, in one run, those that something needs; zeros of padding and of
            dilation are none.
        unneeded: multiply-adds whose result nothing needs.
        times: how often it runs in the step, as the body of a loop does.
        needed: whether the loss or the next step depends on it.
        again: it computes what an operation before it has computed from the same values.
        kept_again: so it does, and no compiler may leave it out (``jax.checkpoint``; every one of torch's).
        precision: what a product asks for beyond its dtypes, such as ``BF16_BF16_F32``.
        size: elements of the largest array that it reads or returns.
        between_devices: it copies from one device to another.
        uncountable: it may hold products that no formula here knows (a kernel of one's own, a loop of unknown length).
    """

    name: str
    dtypes: frozenset[str] = frozenset()
    multiply_adds: int = 0
    unneeded: int = 0
    times: int = 1
    needed: bool = True
    again: bool = False
    kept_again: bool = False
    precision: str = ""
    size: int = 0
    between_devices: bool = False
    uncountable: bool = False

    @property
    def is_product(self) -> bool:
        """Of matrices or a convolution, needed or not."""
        return bool(self.multiply_adds or self.unneeded)


def product(batch: int, left: int, right: int, contracted: int) -> int:
    """The multiply-adds of ``batch`` products (left, contracted) by (contracted, right). A sum of squares or a scaling
    is no product: one side writes it with an operation of that name, the other without."""
    if left == right == 1 or contracted == min(left, right) == 1:
        return 0
    return batch * left * right * contracted


@dataclass(frozen=True)
class Dimension:
    """One spatial dimension of a convolution: sizes, and how the window moves.

    Attributes:
        low: padding before the first element; it may be negative.
        dilated: the input's own dilation, as in a transposed convolution: holes between its elements.
        dilation: the window's.
    """

    inputs: int
    outputs: int
    window: int
    stride: int = 1
    low: int = 0
    dilated: int = 1
    dilation: int = 1

    def pairs(self) -> int:
        """How many (output, place in the window) meet an element of the input rather than padding or a hole. A
        convolution and both its gradients have the same number."""
        met = 0
        for place in range(self.window):
            at = place * self.dilation - self.low
            met += sum(
                (at + out * self.stride) % self.dilated == 0
                and 0 <= (at + out * self.stride) // self.dilated < self.inputs
                for out in range(self.outputs)
            )
        return met


def meetings(dimensions: Iterable[Dimension]) -> int:
    """Of all spatial dimensions together."""
    product = 1
    for dimension in dimensions:
        product *= dimension.pairs()
    return product
