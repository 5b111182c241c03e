"""The places that differ, asked one after another why, until their causes close the whole pair together.

Two blocks of one model mostly differ by the same: what is certain in one place is tried in the others by one run each,
and where the pair is closed by all of it together, no place is asked by itself any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from compare.explain.calls.call import OUTSIDE
from compare.explain.calls.change import Change
from compare.explain.closing import Closing, closing_of
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.segment.diagnose import diagnose, the_same
from compare.explain.doctor.statistics.statistics import diagnose_statistics
from compare.explain.explanation import NamedCause
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, Difference
from compare.explain.locate.introduced import Introduced, kept_by
from compare.explain.locate.locate import Looked, difference
from compare.explain.locate.thresholds import BESIDE, MISSES, PLACES
from compare.explain.proof import Proof
from compare.explain.scenes import scene_of
from compare.explain.way_back import WayBack
from compare.sides.judging import Judged
from compare.sides.progress import Progress, say_nothing
from compare.sides.side import Result

ELSEWHERE = "with that the statistics are the port's here, but not on other data"
ROUGH = "no float64 runs, so that no cause can be proven"


@dataclass
class Places:
    """The search through ``groups``, what differs in one place each.

    Attributes:
        lead: the number, among all differences found, of the one that a reader is told first.
        first: the diagnosis of the place that was asked first. known: in how many places a cause is certain.
        closing: what is left of the pair's gaps with all certain causes, where they can be put in together.
        diagnosed: of each place that was asked, by number, its causes.
    """

    looked: Looked
    groups: Sequence[Sequence[Introduced]]
    lead: int
    progress: Progress = say_nothing
    first: Diagnosis = field(default_factory=Diagnosis)
    known: int = 0
    closing: Closing | None = None
    diagnosed: dict[int, tuple[Cause, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._way_back = WayBack(self.looked, Proof(self.looked))
        self._behind: list[NamedCause] = []

    @property
    def named(self) -> list[NamedCause]:
        """The certain causes, in the order in which they were found."""
        asked = [
            named_at(self.looked, self._at(number), self.lead, cause)
            for number, causes in self.diagnosed.items()
            for cause in causes
            if cause.certain
        ]
        return [*asked, *self._behind]

    @property
    def seen(self) -> list[NamedCause]:
        """What is seen at the place that was asked first, and is not certain."""
        return [named_at(self.looked, self.lead, self.lead, cause) for cause in self.first.causes if not cause.certain]

    def ask(self, order: Sequence[int]) -> None:
        """Ask each place in this order, those last that a cause known elsewhere closes as well; where the pair stays
        open with all that they are certain of, the layers' way back too."""
        self._ask(order)
        if self.closing is not None and self.closing.still:
            for cause, at in _left_behind(self.looked, self.groups, self.named, self._way_back):
                self._behind.append(named_at(self.looked, at, self.lead, cause))
                changes = [one.cause.change for one in self.named if one.cause.change]
                self.closing = closing_of(self.looked, reduce(Change.__or__, changes))

    def _ask(self, order: Sequence[int]) -> None:
        waiting, examined = list(order[:PLACES]), 0
        also: dict[int, Cause] = {}
        while waiting and examined - self.known < MISSES:
            number = next((one for one in waiting if one not in also), waiting[0])
            waiting.remove(number)
            also.pop(number, None)
            self.progress(f"asking why: {difference(self.looked, self._at(number)).quantity}")
            diagnosis = _of_section(self.looked, self.groups[number], self._way_back)
            self.first = diagnosis if not self.diagnosed else self.first
            self.diagnosed[number] = diagnosis.causes
            examined += 1
            certain = [cause for cause in diagnosis.causes if cause.certain]
            self.known += bool(certain)
            if self.known and self._closes({}):
                return  # other places only show the same, around a residual
            also |= self._where_too(certain, [one for one in waiting if one not in also])
            if also and self._closes(also):
                return  # what is not proven there has left ``also``, and is asked itself

    def _closes(self, also: dict[int, Cause]) -> bool:
        """Whether all causes together, and those of the places that were not asked, close every gap of the pair, and
        each of these is proven in its place; those that are not leave ``also``."""
        certain = [cause for causes in self.diagnosed.values() for cause in causes if cause.certain]
        changes = Change()
        for cause in (*certain, *also.values()):
            if cause.change is None:
                self.closing = None
                return False
            changes = changes | cause.change
        closing = closing_of(self.looked, changes)
        unproven = self._unproven(also) if closing is not None and not closing.still else []
        closed = closing is not None and not closing.still and not unproven
        if closed:
            self.diagnosed |= {number: (cause,) for number, cause in also.items()}
            self.known += len(also)
        if closed or not also:
            self.closing = closing  # of what is certain
        for number in unproven:
            del also[number]
        return closed

    def _unproven(self, also: Mapping[int, Cause]) -> list[int]:
        """The places that their cause does not close there and back, and on a new draw."""
        proof = self._way_back.proof
        return [one for one, cause in also.items() if not proof.closes(self.groups[one], cause.change or Change())]

    def _where_too(self, certain: Sequence[Cause], waiting: Sequence[int]) -> dict[int, Cause]:
        """Those of the waiting places whose gaps one of these causes closes there, each with it; not yet proven."""
        too: dict[int, Cause] = {}
        for number in waiting if self.looked.cutter.exact else ():
            if self.groups[number][0].direction == FORWARD:
                cause = the_same(scene_of(self.looked, self.groups[number]), certain)
                too |= {number: cause} if cause is not None else {}
        return too

    def _at(self, number: int) -> int:
        return self.looked.found.index(self.groups[number][0])


def _of_section(looked: Looked, group: Sequence[Introduced], way_back: WayBack) -> Diagnosis:
    """Why a section differs; where no float64 runs nothing is proven."""
    if group[0].direction == STATISTICS:
        return _of_statistics(looked, group, way_back.proof)
    scene = scene_of(looked, group)
    if not looked.cutter.exact:
        diagnosis = diagnose(scene, proven=lambda change: False)
        return replace(diagnosis, causes=tuple(replace(cause, doubt=ROUGH) for cause in diagnosis.causes))
    tried: list[tuple[Change, tuple[Cause, ...]]] = []  # each with what is certain together with it

    def proven(change: Change) -> bool:
        """A change that makes the section the port's forward alone may have one beside it on the way back."""
        closed = way_back.proof.of(group, change)
        if closed.there and not closed.back and group[0].direction != BACKWARD and len(tried) < BESIDE:
            tried.append((change, way_back.beside(group, change)))
            return bool(tried[-1][1])
        return closed.wholly

    diagnosis = diagnose(scene, proven=proven)
    forward = [cause.change for cause in diagnosis.causes if cause.certain and cause.change]
    if not any(besides for _, besides in tried) or not forward:
        return diagnosis
    together = reduce(Change.__or__, forward)  # of one, itself
    if way_back.proof.closes(group, together):
        return diagnosis
    known = (besides for change, besides in tried if change is together)
    besides = next(known, None) or way_back.beside(group, together)
    return replace(diagnosis, causes=(*diagnosis.causes, *besides))


def _left_behind(
    looked: Looked, groups: Sequence[Sequence[Introduced]], named: Sequence[NamedCause], way_back: WayBack
) -> Iterator[tuple[Cause, int]]:
    """The causes on the way back of layers all of whose sections are explained forward, each with the number of one."""
    explained: dict[int, list[Change]] = {}
    for one in named:
        explained.setdefault(one.found, []).extend([one.cause.change] if one.cause.change else [])
    owners: dict[str, list[int]] = {}
    for group in groups:
        if group[0].direction in (FORWARD, LOSS):
            owners.setdefault(group[0].owner, []).append(looked.found.index(group[0]))
    for owner, places in owners.items():
        if all(at in explained for at in places):
            change = reduce(Change.__or__, [one for at in places for one in explained[at]])
            yield from ((cause, places[0]) for cause in way_back.left(owner, change))


def _of_statistics(looked: Looked, group: Sequence[Introduced], proof: Proof) -> Diagnosis:
    """Why a layer keeps other running statistics of the same arrays: what closes it does so on another draw as well."""
    sections, owner = looked.sections, group[0].owner
    own = {name: one for name, one in sections.ends.items() if kept_by(name) == owner}
    judged = Judged(own, reference=Result({}, sections.dropouts))
    quartet, entering, mode = looked.cutter.quartet, sections.entering, sections.mode
    diagnosis = diagnose_statistics(quartet, entering, judged, mode, sections.kept, sections.calls)
    changes = [cause.change for cause in diagnosis.causes if cause.change]
    if not changes or proof.closes(group, reduce(Change.__or__, changes)):
        return diagnosis
    causes = tuple(replace(cause, certain=False, doubt=ELSEWHERE) for cause in diagnosis.causes)
    return replace(diagnosis, causes=causes)


def at_module(looked: Looked, at: int, first: Difference, causes: Sequence[Cause]) -> Difference:
    """The difference, at the layer without a counterpart that the cause is in, if it is in one."""
    code = looked.codes[at]
    for cause in causes:
        if cause.certain and cause.change and (names := {*cause.change.weights, *cause.change.others}):
            changed_layers = {name.rpartition(".")[0] for name in names} & set(code.layers)
            if len(changed_layers) == 1:
                return replace(first, reference=changed_layers.pop())
        if cause.certain and cause.change and cause.change.calls:
            changed = [call for call in code.calls if call.number in cause.change.calls]
            modules = {call.module for call in changed} - {OUTSIDE}
            place = changed[-1].place if changed else first.place_reference
            known = modules.pop() if len(modules) == 1 else first.reference
            return replace(first, reference=known, place_reference=place)
    return first


def named_at(looked: Looked, at: int, lead: int, cause: Cause) -> NamedCause:
    """A cause, with the module that it is in; ``lead`` is the number of the difference that a reader is told first."""
    here = difference(looked, at)
    here = at_module(looked, at, here, [cause]) if at == lead else here
    return NamedCause(cause, here.reference, here.port, of_first=at == lead, found=at)
