"""Operations of torch whose own float64 is accurate to less: taken apart into primitive ones, on their own arrays.

On a CPU the gradient of ``hardsigmoid`` multiplies by 1/6 in float32 and the trigamma function ends its series early,
though both are asked for float64; on a GPU there are more. Which they are is not written down: torch defines most
operations a second time, in Python, for its compilers, and where a kernel leaves its definition by float32's size, the
definition is right, since it is made of other operations in float64 throughout.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch.utils._pytree import tree_map

from compare.errors import swallowed
from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.islands.seen import RAISED, tensors_in
from compare.frameworks.torch_insides import (
    Kernel,
    definition_of,
    functions_not_intercepted,
    operations_not_intercepted,
    written_by,
)
from compare.verdict.precision import FLOAT64
from compare.verdict.thresholds import KERNEL, MARGIN, RERUNS

Result = Any  # a tensor, or a nest of tensors and plain values
Definition = Callable[..., Result]
Tensors = Sequence[torch.Tensor]

PRODUCTS = {"addmm", "addmv", "addbmm", "baddbmm", "mv", "dot", "vdot"}  # exact in their dtype anywhere, and dear


class Given:
    """What a kernel is given, kept from before it runs where it writes into it."""

    def __init__(self, func: Kernel, args: tuple, kwargs: dict) -> None:
        functional = _functional(func)
        self.define = definition(functional or func)
        self.args = (args[0].clone(), *args[1:]) if functional else args
        self.kwargs = kwargs

    def taken_apart(self, results: Result) -> bool:
        """Put into ``results``, the kernel's, what its definition makes of these arguments, if that differs by the size
        of float32's rounding; whether it did."""
        own = tensors_in(results)
        if self.define is None or not own or any(tensor.dtype in RAISED for tensor in own):
            return False
        try:
            exact = self._defined(self.args, self.kwargs)
            if not _comparable(own, exact) or not _leaves(own, exact, [exact]):
                return False
            beside = [self._defined(*_moved((self.args, self.kwargs), draw)) for draw in range(RERUNS)]
        except Exception as error:  # a definition that does not take all that the kernel takes
            swallowed(error)
            return False
        if not _leaves(own, exact, beside) or not _within_float32(own, exact, beside):
            return False
        for tensor, better in zip(own, exact, strict=True):
            tensor.copy_(better)
        return True

    def _defined(self, args: tuple, kwargs: dict) -> list[torch.Tensor]:
        assert self.define is not None
        with torch.no_grad(), functions_not_intercepted(), _Pure((args, kwargs)):
            return tensors_in(self.define(*args, **kwargs))


@cache
def definition(func: Kernel) -> Definition | None:
    """``func`` made of other operations; None where there is no such thing, or nothing to be gained by it."""
    name = func.name().removeprefix("aten::")
    if name in OWN:
        return OWN[name]
    plain = name.partition(".")[0]
    if func.namespace != "aten" or func.is_view or written_by(func) or plain in PRODUCTS or "empty" in plain:
        return None
    # Core operations are those that torch takes all others apart into; what is drawn would be drawn once more.
    undefined = {torch.Tag.core, torch.Tag.nondeterministic_seeded} & set(func.tags)
    return None if undefined else definition_of(func)


@cache
def _functional(func: Kernel) -> Kernel | None:
    """The same operation that writes into nothing, of one that writes into its first argument alone ("elu_")."""
    name, _, overload = func.name().removeprefix("aten::").partition(".")
    if func.namespace != "aten" or not name.endswith("_") or written_by(func) - {0, "self"}:
        return None
    other = getattr(getattr(torch.ops.aten, name[:-1], None), overload or "default", None)
    return other if other is not None and definition(other) is not None else None


def _polygamma(order: int, x: torch.Tensor) -> torch.Tensor:
    """Abramowitz and Stegun, 6.4.10."""
    return (-1) ** (order + 1) * math.factorial(order) * torch.special.zeta(float(order + 1), x)


OWN: dict[str, Definition] = {"polygamma": _polygamma}  # what torch itself has no definition of


class _Pure(DispatchMode):
    """Refuses what no definition may do: to leave float64, or to write into what it was given."""

    def __init__(self, given: object) -> None:
        super().__init__()
        self.given = {_address(tensor) for tensor in tensors_in(given)}

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        kwargs = kwargs or {}
        written = written_by(func)
        values = [*enumerate(args), *kwargs.items()]
        if any(_address(tensor) in self.given for at, value in values if at in written for tensor in tensors_in(value)):
            raise NotImplementedError(f"the definition writes into an argument: {func}")
        results = func(*args, **kwargs)
        if any(tensor.dtype in RAISED for tensor in tensors_in(results)):
            raise NotImplementedError(f"the definition leaves float64: {func}")
        return results


def _comparable(own: Tensors, exact: Tensors) -> bool:
    forms = [[(tensor.shape, tensor.dtype) for tensor in tensors] for tensors in (own, exact)]
    return forms[0] == forms[1] and all(
        torch.equal(torch.isfinite(kernels), torch.isfinite(better)) for kernels, better in zip(own, exact, strict=True)
    )


def _leaves(own: Tensors, exact: Tensors, beside: Sequence[Tensors]) -> bool:
    """Whether any result is further from its definition than float64's rounding explains."""
    with operations_not_intercepted():  # whoever watches the model sees what is made, and not how it is measured
        return any(gap > MARGIN * noise for gap, noise in _gaps(own, exact, beside))


def _within_float32(own: Tensors, exact: Tensors, beside: Sequence[Tensors]) -> bool:
    """Whether none is further than float32's does."""
    with operations_not_intercepted():
        return all(gap <= KERNEL * noise for gap, noise in _gaps(own, exact, beside))


def _gaps(own: Tensors, exact: Tensors, beside: Sequence[Tensors]) -> Iterator[tuple[float, float]]:
    """Of each result its distance from the definition, and what a rounding of the arguments or its own makes of it."""
    for place, (kernels, better) in enumerate(zip(own, exact, strict=True)):
        rounding = FLOAT64.unit_roundoff * _distance(better, torch.zeros_like(better))
        yield _distance(kernels, better), max(rounding, *(_distance(better, results[place]) for results in beside))


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The 2-norm of the difference of the entries that are finite; none between integers."""
    if not (one.is_floating_point() or one.is_complex()):
        return 0.0
    difference = (one - other)[torch.isfinite(one)]
    return float(torch.linalg.vector_norm(difference)) if difference.numel() else 0.0


def _moved(leaves: Result, draw: int) -> Result:
    """``leaves`` with every double entry moved by a unit in the last place, up or down."""
    drawn = torch.Generator().manual_seed(draw)  # of its own: the model's draws stay what they are

    def move(leaf: object) -> object:
        if not isinstance(leaf, torch.Tensor) or leaf.dtype not in RAISED.values():
            return leaf
        up = torch.randint(0, 2, leaf.shape, generator=drawn, device="cpu").to(leaf.device, torch.float64)
        return leaf * (1 + (2 * up - 1) * torch.finfo(torch.float64).eps)

    return tree_map(move, leaves)


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
