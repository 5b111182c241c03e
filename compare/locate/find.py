"""Where a port differs, from what was found to differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from compare.islands.places import UNKNOWN
from compare.locate.crossings import LOSS as AFTER
from compare.locate.cuts import IN, OUT
from compare.locate.difference import BACKWARD, FORWARD, Difference, Located, relative
from compare.locate.introduced import Introduced, introduced
from compare.locate.sections import Cutter, Sections
from compare.locate.segments import Code, code_of, operations
from compare.locate.tree import tree
from compare.models.modes import Mode
from compare.pair import Entering
from compare.quartet import Quartet

MODES = {None: "", True: "training", False: "evaluation"}


@dataclass(frozen=True)
class Looked:
    """One run of a pair, looked into: what arises where, in whose code.

    Attributes:
        found: every difference that arises somewhere, the first one first; codes: the reference's code of each.
        operations: the port's of each, name and "file:line".
    """

    sections: Sections
    cutter: Cutter
    probe: str
    found: list[Introduced]
    codes: list[Code]
    operations: list[list[tuple[str, str]]]


def look(quartet: Quartet, entering: Entering, mode: Mode, probe: str) -> Looked:
    """Cut both sides on what enters, with promoted oracles, or with plain ones where a model does not stand those.

    Raises:
        Exception: whatever a side raises.
    """
    try:
        cutter = Cutter(quartet, promoted=True)
        sections = cutter.cut(entering, mode)
    except Exception:  # whatever a promoted run may raise; a plain one raises it again where it is the model's own
        cutter = Cutter(quartet, promoted=False)
        sections = cutter.cut(entering, mode)
    found = introduced(sections)
    codes = [code_of(sections, one) for one in found]
    return Looked(sections, cutter, probe, found, codes, _operations(cutter, sections, found) if found else [])


def _operations(cutter: Cutter, sections: Sections, found: Sequence[Introduced]) -> list[list[tuple[str, str]]]:
    program, names = cutter.port.program_of_cuts(sections.entering, sections.mode, sections.dropped, sections.onwards())
    made = []
    for one in found:
        ends: list[object] = [crossing.port for crossing in one.crossings] or [one.name]
        if one.direction == BACKWARD:  # all that uses what went on from there
            ends = _used_by(sections, one)
        made.append(operations(program, [at for at, name in enumerate(names) if name in ends]))
    return made


def _used_by(sections: Sections, one: Introduced) -> list[object]:
    """The cuts of the port, and the ends, that the section of a gradient leads to."""
    if one.owner == AFTER:
        return ["loss"]
    return [crossing.port for crossing in sections.crossings if crossing.owner == one.owner]


def located(looked: Looked) -> Located:
    """The first difference of one run, and the tree of layers."""
    sections, prepared = looked.sections, looked.cutter.quartet.prepared
    branches = tree(prepared, sections, looked.found) if sections.crossings else ()
    if not looked.found:
        return Located(None, branches, ("no single layer introduces the difference",))
    return Located(difference(looked, 0), branches)


def difference(looked: Looked, number: int) -> Difference:
    """One of the differences found, in words."""
    sections, one, code = looked.sections, looked.found[number], looked.codes[number]
    by_reference = {reference: port for port, reference in sections.pairs.items()}
    gap, allowed = relative(one.judgement)
    owner = "" if one.owner == AFTER else one.owner
    sole = code.sole_layer if one.owner != AFTER else ""
    return Difference(
        direction=one.direction,
        reference=sole or owner,
        port=by_reference.get(owner, ""),
        quantity=_quantity(one),
        probe=looked.probe,
        mode=MODES[sections.mode],
        gap=gap,
        allowed=allowed,
        place_reference=_place_reference(one, code),
        place_port=_place_port(looked, number),
        after=code.after,
        before=code.before,
        layers=code.layers,
        more=len(looked.found) - 1,
        reason=one.judgement.reason,
        in_loss=one.owner == AFTER,
        scale=one.judgement.scale,
    )


def _quantity(one: Introduced) -> str:
    if not one.crossings:
        return one.name
    cut = one.crossings[0].cut
    what = {(FORWARD, OUT): "output of", (FORWARD, IN): "input of", (BACKWARD, IN): "gradient of the input of",
            (BACKWARD, OUT): "gradient of the output of"}[one.direction, cut.way]  # fmt: skip
    return f"{what} {cut.path or 'the model'}"


def _place_reference(one: Introduced, code: Code) -> str:
    """The line that calls the layer that it arises in; of code between layers, the last line that computes."""
    if one.crossings and one.crossings[0].cut.path == one.owner and not code.layers:
        return one.crossings[0].passage.place
    places = [call.place for call in code.computing if call.place != UNKNOWN]
    return places[-1] if places else one.crossings[0].passage.place if one.crossings else ""


def _place_port(looked: Looked, number: int) -> str:
    one = looked.found[number]
    if one.crossings and one.crossings[0].cut.path == one.owner:
        cut = one.crossings[0].port
        if place := looked.cutter.port.places.get((cut.path, cut.call)):
            return place
    places = [place for _, place in looked.operations[number] if place != UNKNOWN]
    return places[-1] if places else ""
