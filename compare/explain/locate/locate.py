"""Where a port differs, from what was found to differ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compare.errors import swallowed
from compare.explain.locate.crossings import LOSS as AFTER
from compare.explain.locate.cuts import IN, OUT, Cut
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, Difference, Located, relative_gap
from compare.explain.locate.introduced import Introduced, by_place, hidden, introduced
from compare.explain.locate.layer_tree import tree
from compare.explain.locate.port import CutProgram
from compare.explain.locate.sections import Cutter, Sections
from compare.explain.locate.segments import Code, code_of, operations
from compare.explain.locate.thresholds import EXACT, PART
from compare.explain.locate.trail import Results, agreeing, last_of, place_after, values_of
from compare.explain.locate.written_numbers import written_numbers
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet

MODES = {None: "", True: "training", False: "evaluation"}


@dataclass(frozen=True)
class Looked:
    """One run of a pair, looked into: what arises where, in whose code.

    Attributes:
        found: every difference that arises somewhere, the first one first; codes: the reference's code of each.
        operations: the port's of each, name and "file:line"; written: the numbers in them; places: where the port
            first leaves what the reference makes, "file:line", where that is known.
    """

    sections: Sections
    cutter: Cutter
    probe: str
    found: list[Introduced]
    codes: list[Code]
    operations: list[list[tuple[str, str]]]
    written: list[frozenset[float]]
    places: list[str]


def look(quartet: Quartet, entering: Entering, mode: Mode, probe: str, exact: bool = True) -> Looked:
    """Cut both sides on what enters, with promoted oracles, or with plain ones where a model does not stand those; not
    ``exact``, at the working precision alone.

    Raises:
        Exception: whatever a side raises.
    """
    try:
        cutter = Cutter(quartet, promoted=exact, exact=exact)
        sections = cutter.cut(entering, mode)
    except Exception as error:  # whatever a promoted run may raise; a plain one raises it again where it is the model's
        swallowed(error)
        cutter = Cutter(quartet, promoted=False, exact=exact)
        sections = cutter.cut(entering, mode)
    return _looked_into(Looked(sections, cutter, probe, [], [], [], [], []), introduced(sections))


def behind(looked: Looked) -> Looked:
    """The same run, and what differs on the way back of code that differs forward as well (``introduced.hidden``)."""
    return _looked_into(looked, hidden(looked.sections, looked.found))


def _looked_into(looked: Looked, differences: list[Introduced]) -> Looked:
    sections, cutter = looked.sections, looked.cutter
    if not differences:
        return replace(looked, found=[], codes=[], operations=[], written=[], places=[])
    program = cutter.port.program_of_cuts(sections.entering, sections.mode, sections.dropped, sections.onwards())
    codes, done, written, places = [], [], [], []
    for introduction in differences:
        code, results = code_of(sections, introduction), program.results(_ends(sections, introduction))
        code, place = _cleared(cutter, sections, program, introduction, code, results)
        codes.append(code)
        done.append(operations(program.program, results))
        written.append(written_numbers(program.program, results))
        places.append(place)
    return replace(looked, found=differences, codes=codes, operations=done, written=written, places=places)


def _ends(sections: Sections, introduction: Introduced) -> Sequence[Cut | str]:
    """The cuts of the port and the ends that a section leads to."""
    if introduction.direction != BACKWARD:
        return [crossing.port for crossing in introduction.crossings] or [introduction.name]
    if introduction.owner == AFTER:
        return ["loss"]
    return [crossing.port for crossing in sections.crossings if crossing.owner == introduction.owner]


def _cleared(
    cutter: Cutter,
    sections: Sections,
    program: CutProgram,
    introduction: Introduced,
    code: Code,
    results: Sequence[int],
) -> tuple[Code, str]:
    """The code with the calls noted that have made no difference yet, and the port's line after the last of them."""
    if introduction.direction not in (FORWARD, LOSS) or len(code.calls) < 2 or not results:
        return code, ""
    seen, near = Results(code.calls), _near(introduction)
    until = introduction.crossings[0].cut.boundary if introduction.crossings else None
    try:
        cutter.reference.watch(sections.entering, sections.mode, seen.change, until)
        with cutter.port.x64():
            values = values_of(program.program, program.arguments(), results, cutter.port.compiling)
    except Exception as error:  # an operation that does not stand alone: then all calls stay suspected
        swallowed(error)
        return code, ""
    numbers = agreeing(seen, values, near)
    place = place_after(values, {number: seen.made[number] for number in numbers & set(seen.made)}, near)
    return replace(code, agreeing=frozenset(numbers), last=frozenset(last_of(seen, numbers))), place


def _near(introduction: Introduced) -> float:
    """How far two arrays of a section may be apart that are one: of a small gap, a small part of it."""
    gap, allowed = relative_gap(introduction.judgement)
    return min(EXACT, max(allowed, PART * gap)) if gap > 0 else EXACT


def located(looked: Looked) -> Located:
    """The first difference of one run, and the tree of layers."""
    sections, prepared = looked.sections, looked.cutter.quartet.prepared
    branches = tree(prepared, sections, looked.found) if sections.crossings else ()
    if not looked.found:
        return Located(None, branches, ("no single layer introduces the difference",))
    return Located(difference(looked, 0), branches)


def difference(looked: Looked, number: int) -> Difference:
    """One of the differences found, in words."""
    sections, introduction, code = looked.sections, looked.found[number], looked.codes[number]
    by_reference = {reference: port for port, reference in sections.pairs.items()}
    gap, allowed = relative_gap(introduction.judgement)
    sole = code.sole_layer if introduction.owner != AFTER else ""
    return Difference(
        direction=introduction.direction,
        reference=sole or introduction.owner,
        port=AFTER if introduction.owner == AFTER else by_reference.get(introduction.owner, ""),
        quantity=_quantity(introduction),
        probe=looked.probe,
        mode=MODES[sections.mode],
        gap=gap,
        allowed=allowed,
        place_reference=_known(_place_reference(introduction, code)),
        place_port=_known(_place_port(looked, number)),
        after=code.after,
        before=code.before,
        layers=code.layers,
        more=len(by_place(looked.found)) - 1,
        reason=introduction.judgement.reason,
        in_loss=introduction.owner == AFTER,
        inputs_seen=_inputs_seen(sections, introduction),
        scale=introduction.judgement.scale,
    )


def _inputs_seen(sections: Sections, one: Introduced) -> bool:
    """Whether a floating array enters the layer, which was seen to agree; of integers nothing is seen."""
    if not one.crossings or one.crossings[0].cut.way == IN:
        return True
    path, call, _ = one.crossings[0].cut.boundary
    return any(other.cut.boundary == (path, call, IN) for other in sections.crossings)


def _known(place: str) -> str:
    return "" if place == UNKNOWN else place


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
    if places and code.agreeing:
        return places[0]
    return places[-1] if places else one.crossings[0].passage.place if one.crossings else ""


def _place_port(looked: Looked, number: int) -> str:
    introduction = looked.found[number]
    called = looked.cutter.port.places
    if introduction.crossings and introduction.crossings[0].cut.path == introduction.owner:
        cut = introduction.crossings[0].port
        if place := called.get((cut.path, cut.call)):
            return place
    if introduction.name.startswith("state/"):
        by_reference = {path: port for port, path in looked.sections.pairs.items()}
        return called.get((by_reference.get(introduction.owner, ""), 0), "")
    places = [place for _, place in looked.operations[number] if place != UNKNOWN]
    return looked.places[number] or (places[-1] if places else "")
