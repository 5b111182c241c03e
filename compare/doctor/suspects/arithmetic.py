"""The user's own arithmetic: numbers missing or inverted, terms left out, reductions of another kind."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.doctor.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View, altered, first_tensor, value
from compare.doctor.padding import shown
from compare.doctor.scene import Described

Number = int | float
EPSILONS = (1e-6, 1e-5, 1e-8, 1e-12, 1e-3, 0.0)
_SMALL = 2e-2  # a number below it that is added is taken for an epsilon


def _number(view: View) -> Number | None:
    """The Python number among an operator's two operands."""
    found = [one for one in view.call.args if isinstance(one, Number) and not isinstance(one, bool)]
    found += [view.call.kwargs[name] for name in ("other", "exponent", "value") if isinstance(
        view.call.kwargs.get(name), Number)]  # fmt: skip
    return found[0] if found else None


def _with(number: Number) -> Any:
    """The same operator with another number."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        args = tuple(number if isinstance(one, Number) and not isinstance(one, bool) else one for one in args)
        kwargs = {name: number if name in ("other", "exponent") else one for name, one in kwargs.items()}
        return func(*args, **kwargs)

    return replacement


def _without(func: Any, args: tuple, kwargs: dict) -> Any:
    return first_tensor(args, kwargs)


def scaled(view: View) -> Iterator[Idea]:
    """Of a product or quotient: its number missing or inverted; of two tensors, one of them missing."""
    name, number = view.call.name, _number(view)
    verb = "multiply" if name == "mul" else "divide"
    if number is None:
        yield from _two(view)
        return
    own = shown(float(number))
    if name != "rdiv":
        yield Idea("factor", own, "1", f"the port does not {verb} by {own} there", f"no {verb} by {own}", _without,
                   DEFAULT)  # fmt: skip
    if number not in (0, 1, -1):
        inverse = _with(1 / number)
        yield Idea("factor", own, f"1 / {own}", f"the port has 1 / {own} where the reference has {own}", f"1 / {own}",
                   inverse, USUAL)  # fmt: skip
        for word, other in _others(float(number)):
            yield Idea("factor", own, shown(other), f"the port {verb}s by {shown(other)} ({word}), the reference by "
                       f"{own}", f"{verb} by {shown(other)}", _with(other), POSSIBLE)  # fmt: skip
    yield Idea("sign", "+", "-", f"the port has -{own} where the reference has {own}", f"-{own}", _with(-number), RARE)


def _others(number: float) -> Iterator[tuple[str, float]]:
    if number > 0:
        yield "its root", number**0.5
        yield "its square", number**2
    yield "twice it", number * 2
    yield "half of it", number / 2


def _two(view: View) -> Iterator[Idea]:
    tensors = [one for one in view.call.args[:2] if isinstance(one, Described)]
    result = getattr(view.call.result, "shape", ())
    name = view.call.name
    if len(tensors) < 2:
        return
    for place, other in ((0, 1), (1, 0)):
        one = tensors[other]
        if tensors[place].shape == result:
            what = one.name or f"the {'second' if other else 'first'} factor"
            yield Idea("factor", what, "none", f"the port leaves out {what} of a product", f"without {what}",
                       lambda func, args, kwargs, place=place: args[place], USUAL)  # fmt: skip
        if name == "mul" and one.name:
            yield Idea("scale", "w", "1 + w", f"the port multiplies by 1 + {one.name}, the reference by {one.name}",
                       f"1 + {one.name}", _plus_one(other, 1), DEFAULT)  # fmt: skip
            yield Idea("scale", "w", "w - 1", f"the port multiplies by {one.name} - 1, the reference by {one.name}",
                       f"{one.name} - 1", _plus_one(other, -1), RARE)  # fmt: skip
    swap = torch.mul if name == "div" else torch.div
    yield Idea("operation", name, "the inverse", f"the port {'multiplies' if name == 'div' else 'divides'} where the "
               "reference does the inverse", f"inverse of {name}", lambda func, args, kwargs: swap(*args[:2]),
               POSSIBLE)  # fmt: skip


def _plus_one(place: int, number: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        moved = [one + number if here == place else one for here, one in enumerate(args)]
        return func(*moved, **kwargs)

    return replacement


def added(view: View) -> Iterator[Idea]:
    """Of a sum or difference: an epsilon, a number, a term left out, the sign."""
    number, name = _number(view), view.call.name
    if number is not None and len([one for one in view.call.args if isinstance(one, Described)]) < 2:
        own = shown(float(number))
        if name == "add" and 0 < number < _SMALL:
            read = [view.read["epsilon"]] if "epsilon" in view.read else []
            for eps in dict.fromkeys([*read, *EPSILONS]):
                if eps != number:
                    yield value("epsilon", float(number), float(eps), _with(eps), DEFAULT if eps else USUAL)
        yield Idea("constant", own, "none", f"the port does not {name} {own} there", f"no {name} {own}",
                   _left_out(name), USUAL)  # fmt: skip
        yield Idea("sign", "+", "-", f"the port has -{own} where the reference has {own}", f"-{own}", _with(-number),
                   POSSIBLE)  # fmt: skip
        return
    tensors = [one for one in view.call.args[:2] if isinstance(one, Described)]
    result = getattr(view.call.result, "shape", ())
    if len(tensors) < 2:
        return
    for kept, left in ((0, 1), (1, 0)):
        if tensors[kept].shape == result:
            what = tensors[left].name or f"the {'second' if left else 'first'} term"
            sign = -1 if name == "sub" and kept == 1 else 1
            whole = "sum" if name == "add" else "difference"
            yield Idea("sum", what, "none", f"the port leaves out {what} of a {whole} (a residual, a bias)",
                       f"without {what}",
                       lambda func, args, kwargs, kept=kept, sign=sign: sign * args[kept], DEFAULT)  # fmt: skip
    other = torch.sub if name == "add" else torch.add
    yield Idea("sign", "+", "-", f"the port has the other sign in a{'n add' if name == 'add' else ' subtract'}ion",
               f"other sign in {name}", lambda func, args, kwargs: other(*args[:2]), USUAL)  # fmt: skip
    for place, word in ((0, "first"), (1, "second")):
        for factor in (0.5, 2.0):
            yield Idea("factor", "1", shown(factor), f"the port has {shown(factor)} times the {word} term of a sum",
                       f"{shown(factor)} times the {word} term", _term(place, factor), RARE)  # fmt: skip


def _left_out(name: str) -> Any:
    return lambda func, args, kwargs: -first_tensor(args, kwargs) if name == "rsub" else first_tensor(args, kwargs)


def _term(place: int, factor: float) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return func(*(one * factor if here == place else one for here, one in enumerate(args)), **kwargs)

    return replacement


def raised(view: View) -> Iterator[Idea]:
    """Of a power: another exponent."""
    number = _number(view)
    if number is None:
        return
    usual = {0.5, -0.5, 1.0, -1.0, 2.0, float(-number)} - {float(number)}
    for exponent in sorted(usual, key=lambda one: (one != -number, abs(one))):
        rank = POSSIBLE if number in (1, 2) else USUAL  # squares are seldom taken for anything else
        yield value("exponent", float(number), exponent, _with(exponent), rank)


def reduced(view: View) -> Iterator[Idea]:
    """Of a mean, sum, maximum, variance: another axis, another reduction, Bessel's correction."""
    name, given = view.call.name, view.given
    if name in ("var", "std"):
        yield from _corrected(view)
    axes = len(view.first.shape) if view.first else 0
    dim = given.get("dim", given.get("axis"))
    if isinstance(dim, int):
        own = dim % max(axes, 1)
        for other in range(axes):
            if other != own:
                yield Idea("axis", str(dim), str(other), f"the {name} runs over axis {other} in the port, {dim} in the "
                           f"reference", f"{name} over axis {other}", _over(name, other), USUAL)  # fmt: skip
    for word, function in (("mean", torch.mean), ("sum", torch.sum), ("maximum", torch.amax)):
        if name not in (word, "amax" if word == "maximum" else "") and name in ("mean", "sum", "amax"):
            yield Idea("reduction", name, word, f"the port takes the {word} where the reference takes the {name}",
                       f"{word} for {name}", _reduction(name, function),
                       USUAL if word != "maximum" else POSSIBLE)  # fmt: skip


def _over(name: str, dim: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return altered(name, dim=dim)(func, args, {one: kwargs[one] for one in kwargs if one != "axis"})

    return replacement


def _reduction(name: str, function: Any) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
        keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
        dim = tuple(range(args[0].ndim)) if dim is None else dim
        return function(args[0], dim=dim, keepdim=keep)

    return replacement


def _corrected(view: View) -> Iterator[Idea]:
    given = view.given
    unbiased = bool(given["unbiased"]) if "correction" not in given else bool(given["correction"])
    own, other = ("N - 1", "N") if unbiased else ("N", "N - 1")
    name = view.call.name

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 and not isinstance(args[1], bool) else kwargs.get("dim", kwargs.get("axis"))
        keep = kwargs.get("keepdim", args[3] if len(args) > 3 else False)
        function: Any = torch.var if name == "var" else torch.std
        return function(args[0], dim=dim, correction=0 if unbiased else 1, keepdim=keep)

    yield Idea("variance", f"divided by {own}", f"divided by {other}", f"the {name} divides by {other} in the port, by "
               f"{own} in the reference", f"{name} over {other}", replacement, DEFAULT)  # fmt: skip


def wave(view: View) -> Iterator[Idea]:
    """Of a sine: the cosine, and the other way round."""
    other = torch.cos if view.call.name == "sin" else torch.sin
    yield Idea("function", view.call.name, other.__name__, f"the port takes the {other.__name__} where the reference "
               f"takes the {view.call.name}", f"{other.__name__} for {view.call.name}",
               lambda func, args, kwargs: other(args[0]), USUAL)  # fmt: skip


def chosen(view: View) -> Iterator[Idea]:
    """Of ``where``: the two sides exchanged."""
    yield Idea("condition", "as it is", "inverted", "the port exchanges the two sides of a where", "where inverted",
               lambda func, args, kwargs: func(args[0], args[2], args[1]), USUAL)  # fmt: skip


def accumulated(view: View) -> Iterator[Idea]:
    """Of a running sum: without the entry itself, and from the end."""
    yield Idea("running sum", "with itself", "without itself", "the port's running sum leaves out the entry itself",
               "running sum without itself",
               lambda func, args, kwargs: func(*args, **kwargs) - args[0], USUAL)  # fmt: skip

    def reverse(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 else kwargs["dim"]
        return args[0].flip(dim).cumsum(dim).flip(dim)

    yield Idea("running sum", "from the beginning", "from the end", "the port's running sum starts at the end",
               "running sum from the end", reverse, POSSIBLE)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("mul", "div", "rdiv"), scaled),
    **dict.fromkeys(("add", "sub", "rsub"), added),
    "pow": raised,
    **dict.fromkeys(("mean", "sum", "amax", "var", "std"), reduced),
    **dict.fromkeys(("sin", "cos"), wave),
    "where": chosen,
    "cumsum": accumulated,
}
