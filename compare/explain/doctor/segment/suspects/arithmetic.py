"""The user's own arithmetic: numbers missing or inverted, terms and factors left out."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    USUAL,
    Family,
    Idea,
    View,
    candidates,
    first_tensor,
    value,
)
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.thresholds import EPSILON, THETA

Number = int | float
EPSILONS = (1e-6, 1e-5, 1e-8, 1e-12, 1e-3, 0.0)
THETAS = (1e4, 5e5, 1e6, 1e5, 100.0, 1e3)


def number_of(view: View) -> Number | None:
    """The Python number among an operator's two operands; None where there is none."""
    found = [one for one in view.call.args if isinstance(one, Number) and not isinstance(one, bool)]
    found += [view.call.kwargs[name] for name in ("other", "exponent", "value") if isinstance(
        view.call.kwargs.get(name), Number)]  # fmt: skip
    return found[0] if found else None


def with_number(number: Number) -> Any:
    """The same operator with another number."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        args = tuple(number if isinstance(one, Number) and not isinstance(one, bool) else one for one in args)
        kwargs = {name: number if name in ("other", "exponent") else one for name, one in kwargs.items()}
        return func(*args, **kwargs)

    return replacement


def setting_of(view: View, number: Number) -> str:
    """What a porter calls the number among an operator's operands."""
    name = view.call.name
    if name in ("pow", "rpow"):
        base = name == "rpow" or bool(view.call.args and isinstance(view.call.args[0], Number))
        return "exponent" if not base else "theta" if number >= THETA else "base"
    if name in ("add", "sub", "rsub"):
        return "epsilon" if name == "add" and 0 < number < EPSILON else "constant"
    return "scale"


def _without(func: Any, args: tuple, kwargs: dict) -> Any:
    return first_tensor(args, kwargs)


def scaled(view: View) -> Iterator[Idea]:
    """Of a product or quotient: its number missing or inverted; of two tensors, one of them missing."""
    name, number = view.call.name, number_of(view)
    verb, verbs = ("multiply", "multiplies") if name == "mul" else ("divide", "divides")
    if number is None:
        yield from _two(view)
        return
    own = shown(float(number))
    if name != "rdiv":
        yield Idea("scale", own, "1", f"the port does not {verb} by {own} there", f"no {verb} by {own}", _without,
                   DEFAULT)  # fmt: skip
    if number not in (0, 1, -1):
        inverse = with_number(1 / number)
        yield Idea("scale", own, f"1 / {own}", f"the port has 1 / {own} where the reference has {own}", f"1 / {own}",
                   inverse, USUAL)  # fmt: skip
        for word, other in _others(float(number)):
            yield Idea("scale", own, shown(other), f"the port {verbs} by {shown(other)} ({word}), the reference by "
                       f"{own}", f"{verb} by {shown(other)}", with_number(other), POSSIBLE)  # fmt: skip
    yield Idea("sign", "+", "-", f"the port has -{own} where the reference has {own}", f"-{own}", with_number(-number),
               RARE)  # fmt: skip


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
            setting = "scale" if one.name or one.shape != result else "factor"
            yield Idea(setting, what, "none", f"the port leaves out {what} of a product", f"without {what}",
                       lambda func, args, kwargs, place=place: args[place], USUAL)  # fmt: skip
        if name == "mul" and one.name:
            yield Idea("scale", "w", "1 + w", f"the port multiplies by 1 + {one.name}, the reference by {one.name}",
                       f"1 + {one.name}", _plus_one(other, 1), DEFAULT)  # fmt: skip
            yield Idea("scale", "w", "w - 1", f"the port multiplies by {one.name} - 1, the reference by {one.name}",
                       f"{one.name} - 1", _plus_one(other, -1), RARE)  # fmt: skip
    swap = torch.mul if name == "div" else torch.div
    by = tensors[1].name or "the second"
    here, there = ("multiplies", "divides") if name == "div" else ("divides", "multiplies")
    yield Idea("scale", f"{there} by {by}", f"{here} by it", f"the port {here} by {by} where the reference {there} by "
               "it", f"{here} by {by}", lambda func, args, kwargs: swap(*args[:2]),
               USUAL if tensors[1].name else POSSIBLE)  # fmt: skip


def _plus_one(place: int, number: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        moved = [one + number if here == place else one for here, one in enumerate(args)]
        return func(*moved, **kwargs)

    return replacement


def added(view: View) -> Iterator[Idea]:
    """Of a sum or difference: an epsilon, a number, a term left out, the sign."""
    number, name = number_of(view), view.call.name
    if number is not None and len([one for one in view.call.args if isinstance(one, Described)]) < 2:
        own = shown(float(number))
        if name == "add" and 0 < number < EPSILON:
            read = [view.read["epsilon"]] if "epsilon" in view.read else []
            for eps in dict.fromkeys([*read, *EPSILONS]):
                if eps != number:
                    yield value("epsilon", float(number), float(eps), with_number(eps), DEFAULT if eps else USUAL)
        yield Idea("constant", own, "none", f"the port does not {name} {own} there", f"no {name} {own}",
                   _left_out(name), USUAL)  # fmt: skip
        yield Idea("sign", "+", "-", f"the port has -{own} where the reference has {own}", f"-{own}",
                   with_number(-number), POSSIBLE)  # fmt: skip
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
            setting = _term_of(tensors[left], result)
            yield Idea(setting, what, "none", f"the port leaves out {what} of a {whole} (a {setting})",
                       f"without {what}",
                       lambda func, args, kwargs, kept=kept, sign=sign: sign * args[kept], DEFAULT)  # fmt: skip
    other = torch.sub if name == "add" else torch.add
    yield Idea("sign", "+", "-", f"the port has the other sign in a{'n add' if name == 'add' else ' subtract'}ion",
               f"other sign in {name}", lambda func, args, kwargs: other(*args[:2]), USUAL)  # fmt: skip
    for place, word in ((0, "first"), (1, "second")):
        for factor in (0.5, 2.0):
            yield Idea("scale", "1", shown(factor), f"the port has {shown(factor)} times the {word} term of a sum",
                       f"{shown(factor)} times the {word} term", _term(place, factor), RARE)  # fmt: skip


def _term_of(left: Described, result: Any) -> str:
    """What a porter calls a term that is missing."""
    if left.name:
        return "bias" if len(left.shape) == 1 else "term"
    return "residual" if left.shape == result else "term"


def _left_out(name: str) -> Any:
    return lambda func, args, kwargs: -first_tensor(args, kwargs) if name == "rsub" else first_tensor(args, kwargs)


def _term(place: int, factor: float) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return func(*(one * factor if here == place else one for here, one in enumerate(args)), **kwargs)

    return replacement


def raised(view: View) -> Iterator[Idea]:
    """Of a power: another exponent; of a number to the power of a tensor: another base, as rotary tables have."""
    number = number_of(view)
    if number is None:
        return
    if setting_of(view, number) == "theta":
        for theta, rank in candidates(view, "theta", float(number), THETAS, USUAL):
            yield value("theta", float(number), float(theta), with_number(theta), rank)
        return
    usual = {0.5, -0.5, 1.0, -1.0, 2.0, float(-number)} - {float(number)}
    for exponent in sorted(usual, key=lambda one: (one != -number, abs(one))):
        rank = POSSIBLE if number in (1, 2) else USUAL  # squares are seldom taken for anything else
        yield value("exponent", float(number), exponent, with_number(exponent), rank)


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


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("mul", "div", "rdiv"), scaled),
    **dict.fromkeys(("add", "sub", "rsub"), added),
    **dict.fromkeys(("pow", "rpow"), raised),
    **dict.fromkeys(("sin", "cos"), wave),
    "where": chosen,
}
