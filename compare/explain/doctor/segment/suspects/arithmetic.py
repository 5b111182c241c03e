"""The user's own arithmetic: numbers missing, terms and factors left out."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.doctor.segment.ideas import (
    Family,
    Idea,
    View,
    altered,
    candidates,
    computed,
    first_tensor,
    left_out,
    value,
)
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.thresholds import DEFAULT, EPSILON, EPSILONS, POSSIBLE, RARE, THETA, USUAL


def operand(view: View) -> tuple[str, float] | None:
    """The Python number among an operator's two operands, and what the signature calls it; None where there is none."""
    for name in ("other", "exponent", "input"):
        own = view.given.get(name)
        if isinstance(own, int | float) and not isinstance(own, bool):
            return name, own
    return None


def setting_of(name: str, argument: str, number: float) -> str:
    """What a porter calls the number among the operands of the operator ``name``."""
    if name in ("pow", "rpow"):
        base = name == "rpow" or argument == "input"
        return "exponent" if not base else "theta" if number >= THETA else "base"
    if name in ("add", "sub", "rsub"):
        return "epsilon" if name == "add" and 0 < number < EPSILON else "constant"
    return "scale" if name in ("mul", "div", "rdiv") else argument


def multiplied(view: View) -> Iterator[Idea]:
    """Of a product or quotient: its number missing; of two tensors, one of them missing."""
    name, by = view.call.name, operand(view)
    if by is None:
        yield from _two(view)
    elif name != "rdiv":
        own = shown(float(by[1]))
        text = f"the port is as if it did not {'multiply' if name == 'mul' else 'divide'} by {own} there"
        yield Idea("scale", own, "1", left_out, DEFAULT, text)


def _kept(place: int, sign: int = 1) -> Replacement:
    """One of two operands in place of both."""
    return lambda func, args, kwargs: sign * args[place] if sign != 1 else args[place]


def _two(view: View) -> Iterator[Idea]:
    tensors = [given for given in view.call.args[:2] if isinstance(given, Described)]
    result = getattr(view.call.result, "shape", ())
    name = view.call.name
    if len(tensors) < 2:
        return
    for place, other in ((0, 1), (1, 0)):
        factor = tensors[other]
        if tensors[place].shape == result:
            what = factor.name or f"the {'second' if other else 'first'} factor"
            setting = "scale" if factor.name or factor.shape != result else "factor"
            text = f"the port leaves out {what} of a product"
            if name == "div":
                part = "divisor" if other else "dividend"
                text = f"the port leaves out the {part} {factor.name}".rstrip()
            yield Idea(setting, what, "none", _kept(place), USUAL, text, f"without {what}")
        if name == "mul" and factor.name:
            for number, word, rank in ((1, "1 + w", DEFAULT), (-1, "w - 1", RARE)):
                words = word.replace("w", factor.name)
                text = f"the port multiplies by {words}, the reference by {factor.name}"
                yield Idea("scale", "w", word, _changed(other, lambda w, n=number: w + n), rank, text, words)
    if name == "mul" and all(tensor.shape for tensor in tensors):
        yield _operator(torch.add, "multiplies", "adds")
    swap = torch.mul if name == "div" else torch.div
    by = tensors[1].name or "the second factor"
    here, there = ("a factor", "a divisor") if name == "div" else ("a divisor", "a factor")
    rank = USUAL if tensors[1].name else POSSIBLE
    text = f"{by} is {here} in the port, {there} in the reference"
    yield Idea("scale", there, here, lambda func, args, kwargs: swap(*args[:2]), rank, text, f"{by} {here}")


def _operator(function: Any, own: str, other: str) -> Idea:
    """Another operator of both operands."""
    text = f"the port {other} where the reference {own}"
    return Idea("operator", own, other, lambda func, args, kwargs: function(*args[:2]), POSSIBLE, text, other)


def _changed(place: int, function: Any) -> Replacement:
    """One of the operands changed."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        return func(*(function(given) if here == place else given for here, given in enumerate(args)), **kwargs)

    return replacement


def added(view: View) -> Iterator[Idea]:
    """Of a sum or difference: an epsilon, a number, a term left out, the sign."""
    by, name = operand(view), view.call.name
    tensors = [given for given in view.call.args[:2] if isinstance(given, Described)]
    if by is not None and len(tensors) < 2:
        argument, number = by
        own = shown(float(number))
        if name == "add" and 0 < number < EPSILON:
            for eps, rank in candidates(view, "epsilon", number, EPSILONS):
                change = altered(**{argument: float(eps)})
                rank = rank if rank > RARE else DEFAULT if eps else USUAL
                yield value("epsilon", float(number), float(eps), change, rank)
        yield Idea("constant", own, "none", _unmoved(name), USUAL, f"the port is as if it did not {name} {own} there")
        return
    result = getattr(view.call.result, "shape", ())
    if len(tensors) < 2:
        return
    whole = "sum" if name == "add" else "difference"
    for kept, left in ((0, 1), (1, 0)):
        if tensors[kept].shape == result:
            what = tensors[left].name or f"the {'second' if left else 'first'} term"
            setting = _term_of(tensors[left], result)
            text = f"the port leaves out {what} of a {whole} (a {setting})"
            rest = _kept(kept, -1 if name == "sub" and kept == 1 else 1)
            yield Idea(setting, what, "none", rest, DEFAULT, text, f"without {what}")
    if name == "add" and all(tensor.shape for tensor in tensors[:2]):
        yield _operator(torch.mul, "adds", "multiplies")
    other = torch.sub if name == "add" else torch.add
    text = f"the port has the other sign in a {whole}"
    yield Idea("sign", "+", "-", lambda func, args, kwargs: other(*args[:2]), USUAL, text, f"other sign in {name}")


def _term_of(left: Described, result: Any) -> str:
    """What a porter calls a term that is missing."""
    if left.name:
        return "bias" if len(left.shape) == 1 else "term"
    return "residual" if left.shape == result else "term"


def _unmoved(name: str) -> Replacement:
    return lambda func, args, kwargs: -first_tensor(args, kwargs) if name == "rsub" else first_tensor(args, kwargs)


def chosen(view: View) -> Iterator[Idea]:
    """Of ``where``: the two sides exchanged."""
    yield value("condition", "as it is", "inverted", lambda func, args, kwargs: func(args[0], args[2], args[1]))


def accumulated(view: View) -> Iterator[Idea]:
    """Of a running sum: without the entry itself, and from the end."""
    yield value("running sum", "with itself", "without itself", lambda func, args, kwargs:
                func(*args, **kwargs) - args[0])  # fmt: skip
    yield value("running sum", "from the beginning", "from the end", computed(
        lambda own: own["input"].flip(own["dim"]).cumsum(own["dim"]).flip(own["dim"])), POSSIBLE)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("mul", "div", "rdiv"), multiplied),
    **dict.fromkeys(("add", "sub", "rsub"), added),
    "where": chosen,
    "cumsum": accumulated,
}
