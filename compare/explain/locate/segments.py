"""The code of one section: the reference's calls and layers in it, the port's operations, and their places."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile

from jax.extend import core

from compare.explain.calls.call import Call, tensors_of
from compare.explain.locate.crossings import LOSS, Crossing
from compare.explain.locate.cuts import IN, Cut, Passage
from compare.explain.locate.difference import BACKWARD
from compare.explain.locate.introduced import Introduced
from compare.explain.locate.sections import Sections
from compare.frameworks.islands.places import UNKNOWN, is_users
from compare.frameworks.islands.port import place_of_eqn
from compare.frameworks.islands.replay import Program, frames_of, inner_programs, parts
from compare.frameworks.models.choose import LIBRARIES

STOPS = "stop_gradient"
# What only shows an array in another shape, or asks about it: code that cannot be what differs by itself.
SHAPING = {
    "view", "reshape", "permute", "transpose", "contiguous", "flatten", "unflatten", "unsqueeze", "squeeze", "expand",
    "expand_as", "split", "chunk", "unbind", "getitem", "T", "mT", "size", "shape", "to", "float", "double", "type_as",
    "clone", "detach", "cat", "stack", "movedim", "view_as",
}  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """What runs between two passages of the reference: ``around`` is the call of a layer (path, number) that it belongs
    to, None before and after the whole model."""

    around: tuple[str, int] | None
    start: int
    stop: int
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """The reference's code of one section.

    Attributes:
        calls: in order. layers: the layers without a counterpart that run in it.
        after, before: the reference's layers that it stands between, where it is code between two.
        agreeing: numbers of the calls whose results the port has too, and of those that lead to them; last: of these,
            the ones after which something differs, since the port may do more there than the reference.
    """

    calls: tuple[Call, ...]
    layers: tuple[str, ...]
    after: str = ""
    before: str = ""
    agreeing: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()

    @property
    def asked(self) -> tuple[Call, ...]:
        """Those that the doctor may change."""
        return tuple(call for call in self.calls if call.number not in self.agreeing - self.last)

    @property
    def suspected(self) -> tuple[Call, ...]:
        """Those in which a difference can arise."""
        return tuple(call for call in self.calls if call.number not in self.agreeing)

    @property
    def computing(self) -> tuple[Call, ...]:
        """Of these, those that compute something."""
        return tuple(call for call in self.suspected if call.name not in SHAPING)

    @property
    def sole_layer(self) -> str:
        """The layer without a counterpart that the difference arises in: the one that all computing is done in, or,
        where some of it is known to agree, the one that comes next."""
        inside = [self.layer_of(call) for call in self.computing]
        return inside[0] if len(set(inside)) == 1 or (inside and self.agreeing) else ""

    def layer_of(self, call: Call) -> str:
        """The innermost layer without a counterpart that makes a call; empty where none does."""
        return max((path for path in self.layers if _is_in(call.module, path)), key=len, default="")


def _is_in(module: str, path: str) -> bool:
    return module == path or module.startswith(f"{path}.")


def stretches(passages: Sequence[Passage], calls: int, last: tuple[str, ...] = ()) -> list[Stretch]:
    """The whole run as stretches, in order; ``last``: the layers that run after the last passage."""
    around: list[tuple[str, int]] = []
    done, start = [], 0
    for passage in passages:
        done.append(Stretch(around[-1] if around else None, start, passage.number, passage.layers))
        start = passage.number
        if passage.way == IN:
            around.append((passage.path, passage.call))
        else:
            around.pop()
    return [*done, Stretch(None, start, calls, last)]


def code_of(sections: Sections, difference: Introduced) -> Code:
    """The reference's code that a difference arises in."""
    all_of_it = stretches(sections.passages, len(sections.calls), sections.last)
    if not difference.crossings:
        if difference.owner == LOSS:
            chosen = all_of_it[-1:]
        else:
            chosen = [
                stretch for stretch in all_of_it if stretch.around and stretch.around[0] == difference.owner
            ] or all_of_it
        return _code(sections, chosen)
    crossing = difference.crossings[0]
    place = sections.passages.index(crossing.passage)
    if difference.direction == BACKWARD:
        own = (difference.owner, crossing.cut.call) if crossing.cut.way == IN else _outer(crossing)
        chosen = [stretch for stretch in all_of_it[place + 1 :] if stretch.around == own]
        return _code(sections, chosen, after=crossing.cut.path if crossing.cut.way != IN else "")
    own = _outer(crossing) if crossing.cut.way == IN else (crossing.cut.path, crossing.cut.call)
    chosen = [stretch for stretch in all_of_it[: place + 1] if stretch.around == own]
    code = _code(sections, chosen, _left_before(sections, crossing, own))
    code = replace(code, before=crossing.cut.path if crossing.cut.way == IN else "")
    return replace(code, calls=_leading_there(sections, code.calls, crossing.passage) or code.calls)


def _leading_there(sections: Sections, calls: Sequence[Call], there: Passage) -> tuple[Call, ...]:
    """The calls but those whose results other cuts alone take: what is made of them does not depend on them, since the
    reference's own arrays go on from there. A result that nothing takes may have been written somewhere else."""
    if not there.tags:
        return tuple(calls)
    cuts = {own for own, _ in sections.matched.values()}
    wanted = {entering for entering, _ in there.tags}
    takers: dict[int, list[int]] = {}
    for call in sections.calls:
        for one in tensors_of([call.args, call.kwargs]):
            takers.setdefault(_followed(one.tag, sections.through), []).append(call.number)
    elsewhere = {
        _followed(entering, sections.through)
        for one in sections.passages
        for leaf, (entering, _) in enumerate(one.tags)
        if one is not there and Cut(*one.boundary, leaf) in cuts
    }
    wanted = {_followed(tag, sections.through) for tag in wanted}
    own, kept = {call.number for call in calls}, set[int]()
    for call in reversed(calls):
        made = {one.tag for one in tensors_of([call.result])}
        taking = [number for tag in made for number in takers.get(tag, ())]
        goes = made <= elsewhere | {tag for tag in made if takers.get(tag)}
        if made & wanted or not goes or any(number in kept for number in taking if number in own):
            kept.add(call.number)
    return tuple(call for call in calls if call.number in kept)


def _followed(tag: int, through: Mapping[int, int]) -> int:
    while tag in through:
        tag = through[tag]
    return tag


def _outer(crossing: Crossing) -> tuple[str, int] | None:
    return crossing.around[-1] if crossing.around else None


def _left_before(sections: Sections, crossing: Crossing, own: tuple[str, int] | None) -> str:
    """The layer inside ``own`` that was left last before the array was made."""
    place = sections.passages.index(crossing.passage)
    before = sections.passages[place - 1] if place else None
    return before.path if before and before.way != IN and before.path != (own or ("", 0))[0] else ""


def _code(sections: Sections, chosen: Sequence[Stretch], after: str = "", before: str = "") -> Code:
    calls = [call for one in chosen for call in sections.calls[one.start : one.stop]]
    layers = tuple(dict.fromkeys(path for one in chosen for path in one.layers))
    return Code(tuple(calls), layers, after, before)


def leading_to(program: Program, results: Sequence[int]) -> list[core.JaxprEqn]:
    """The equations between a program's inputs and some of its results, by position, in order."""
    jaxpr, _ = parts(program)
    wanted = {jaxpr.outvars[at] for at in results if not isinstance(jaxpr.outvars[at], core.Literal)}
    chosen = []
    for eqn in reversed(jaxpr.eqns):
        if any(variable in wanted for variable in eqn.outvars):
            chosen.append(eqn)
            wanted |= {atom for atom in eqn.invars if not isinstance(atom, core.Literal)}
    return chosen[::-1]


def operations(program: Program, results: Sequence[int]) -> list[tuple[str, str]]:
    """Name and "file:line" of each operation between a program's inputs and some of its results, in order."""
    return [operation for eqn in leading_to(program, results) for operation in _operations(eqn, UNKNOWN)]


def _named(eqn: core.JaxprEqn) -> str:
    """The primitive's name; with "own" before it of a derivative rule that JAX does not bring itself, with "library" of
    a gradient that a library stops (that of a softmax's largest entry, which makes no difference)."""
    name = eqn.primitive.name
    if name == STOPS and not _stopped_by_hand(eqn):
        return f"library {name}"
    if name != "custom_jvp_call":
        return name
    told = getattr(parts(eqn.params["call_jaxpr"])[0].debug_info, "func_src_info", "") or ""
    library = any(f"/{one}/" in told for one in (*LIBRARIES, "optax"))
    return name if library or not told else f"own {name}"


def _stopped_by_hand(eqn: core.JaxprEqn) -> bool:
    """Whether the user's own code calls ``jax.lax.stop_gradient``, or nothing tells who does."""
    callers = list(dropwhile(lambda frame: frame.function_name != STOPS, frames_of(eqn)))[1:]
    return not callers or is_users(callers[0].file_name)


def _operations(eqn: core.JaxprEqn, around: str) -> Iterator[tuple[str, str]]:
    place = place_of_eqn(eqn)
    place = around if place == UNKNOWN else place
    inner = inner_programs(eqn)
    if not inner or eqn.primitive.name.startswith("custom_"):
        yield _named(eqn), place
    for program in inner:
        for one in parts(program)[0].eqns:
            yield from _operations(one, place)
