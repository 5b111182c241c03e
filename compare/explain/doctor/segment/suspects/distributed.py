"""A factor of one term of a sum that is one of the whole sum in the port, and the other way round: a scale of the
residual for one of the branch, an added number inside of a product."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.explain.calls.call import Call, Described
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.tensor_flow import Flow, flow_of
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import POSSIBLE
from compare.frameworks.islands.places import UNKNOWN

Tensor = torch.Tensor
_SUMS, _FACTORS = ("add", "sub"), ("mul", "div")


def suspects(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of each sum: what multiplies or divides one of its terms does so to all of it; of each product or quotient of a
    sum: to one of the terms alone."""
    flow = flow_of(scene)
    own = {call.number for call in scene.calls}
    for call in flow.calls:
        for place, taken in enumerate(call.args[:2]):
            maker = flow.maker.get(taken.tag) if isinstance(taken, Described) else None
            if maker is None or len(flow.takers.get(taken.tag, ())) != 1 or not {call.number, maker.number} & own:
                continue
            if call.name in _SUMS and maker.name in _FACTORS:
                yield from _of_all(flow, maker, call, place)
            if call.name in _FACTORS and maker.name in _SUMS and (place == 0 or call.name == "mul"):
                yield from _of_one(flow, maker, call, place)


def _of_all(flow: Flow, product: Call, total: Call, place: int) -> Iterator[Suspect[Change]]:
    for scaled in (0, 1) if product.name == "mul" else (0,):
        term, factor = product.args[scaled], product.args[1 - scaled]
        if not isinstance(term, Described) or _shape(term) != _shape(product.result):
            continue
        held: list[Any] = []

        def alone(func: Function, args: tuple, kwargs: dict, scaled: int = scaled, held: list[Any] = held) -> Any:
            held[:] = [args[1 - scaled]]
            return args[scaled].clone()

        def whole(func: Function, args: tuple, kwargs: dict, held: list[Any] = held, by: str = product.name) -> Any:
            made = func(*args, **kwargs)
            return made * held[0] if by == "mul" else made / held[0]

        yield _suspect(product, total, _words(flow, factor), "one term of a sum", "the whole sum", alone, whole)


def _of_one(flow: Flow, total: Call, product: Call, place: int) -> Iterator[Suspect[Change]]:
    factor = product.args[1 - place]
    for kept in (0, 1):
        if _shape(total.args[kept]) != _shape(product.result):
            continue
        held: list[Any] = []

        def terms(func: Function, args: tuple, kwargs: dict, held: list[Any] = held) -> Any:
            held[:] = [func, args, kwargs]
            return func(*args, **kwargs)

        def one(
            func: Function, args: tuple, kwargs: dict, kept: int = kept, place: int = place, held: list[Any] = held
        ) -> Any:
            add, own, options = held
            scaled = func(*(own[kept] if at == place else given for at, given in enumerate(args)), **kwargs)
            return add(*(scaled if at == kept else given for at, given in enumerate(own)), **options)

        which = "the second" if kept else "the first"
        words = _words(flow, factor)
        yield _suspect(total, product, words, "the whole sum", f"{which} term of a sum alone", terms, one)


def _suspect(
    first: Call, second: Call, words: str, own: str, other: str, before: Callable[..., Any], after: Callable[..., Any]
) -> Suspect[Change]:
    place = f" ({second.place})" if second.place != UNKNOWN else ""
    does = "divides" if "div" in (first.name, second.name) else "multiplies"
    text = f"in the port {words} {does} {other}{place}, in the reference {own}"
    change = Change(calls={first.number: before, second.number: after})
    return Suspect("scale", own, other, change, POSSIBLE, text, f"{words} of {other}")


def _words(flow: Flow, factor: Any) -> str:
    if not isinstance(factor, Described):
        return f"{factor:g}" if isinstance(factor, int | float) else str(factor)
    return factor.name or (flow.words(factor.tag) if factor.tag in flow.tensors else "a factor")


def _shape(of: Any) -> tuple[int, ...] | None:
    return of.shape if isinstance(of, Described) else None
