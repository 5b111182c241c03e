"""Where a port differs first that is verified by module: which of its pieces, in whose code, and which gradients."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from compare.arrays.probes import BASE
from compare.errors import in_one_line, swallowed
from compare.explain.by_piece.port_pieces import Back, Held
from compare.explain.by_piece.recognized import Found, Recognized, apart
from compare.explain.by_piece.reference_results import Made, NotedReference
from compare.explain.explanation import Explanation
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import BACKWARD, FORWARD, Difference, relative_gap
from compare.explain.locate.locate import MODES
from compare.explain.locate.shown_by import relative_distance
from compare.explain.locate.thresholds import EXACT
from compare.frameworks.cutting.steps_of_program import Number, Step
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.replay import place_of_eqn
from compare.sides.port_by_module import ModelPieces, PortByModule
from compare.sides.port_forward import as_torch_has_it
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Verdict

NO_CAUSE = "by module: where alone, and not why: verify the same pair with fewer or smaller layers without --by-module"
NAMED = 4  # parameters


@dataclass(frozen=True)
class _Looked:
    """One run of a pair, both sides held against each other."""

    suspect: FailedRun
    result: Result  # the reference's
    results: Sequence[Made]
    held: Held
    model: ModelPieces
    port: PortByModule

    def piece(self, at: int) -> str:
        """A piece in words: its number, and what it takes."""
        paths = self.leaves(self.held.run.pieces.cuts[at].taken)
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        return f"piece {at + 1} of {len(self.held.run.pieces.cuts)}, with {', '.join(paths[:NAMED]) or 'none'}{more}"

    def leaves(self, numbers: Iterable[Number]) -> list[str]:
        """The port's parameters among values, by path."""
        by_number = {number: path for path, number in self.model.leaves.items()}
        return [by_number[number] for number in numbers if number in by_number]

    @property
    def failing(self) -> list[str]:
        """The reference's parameters whose gradients are no match."""
        judged = self.suspect.judged.judgements
        return [
            name.removeprefix("grad/")
            for name, one in judged.items()
            if name.startswith("grad/") and not name.startswith("grad/input.") and one.verdict is not Verdict.MATCH
        ]


def explain_by_piece(quartet: Quartet, suspects: Sequence[FailedRun], progress: Progress = say_nothing) -> Explanation:
    """Where the first of ``suspects`` differs, the pair's own batch before probes."""
    suspect = min(suspects, key=lambda one: one.probe != BASE, default=None)
    if suspect is None:
        return Explanation(None, notes=(NO_CAUSE,))
    progress(f"where it differs first, on {suspect.probe}")
    try:
        looked = _look(quartet.using(suspect.judged.oracles), suspect)
        with looked.port.x64():
            first, seen = _first(looked)
    except Exception as error:  # a model that does not stand being watched is no reason to lose the verdict
        swallowed(error)
        return Explanation(None, notes=(f"where: not found on {suspect.probe}: {in_one_line(error, 200)}", NO_CAUSE))
    notes = () if first else ("no single piece introduces the difference",)
    return Explanation(first, observed=tuple(seen), notes=(*notes, NO_CAUSE))


def _look(quartet: Quartet, suspect: FailedRun) -> _Looked:
    held = quartet.witness.reference if quartet.witness else None
    reference = NotedReference(
        quartet.prepared, FLOAT64, quartet.oracle.torch, quartet.promoted, replaced=held, kept=quartet.kept_reference
    )
    result, results = reference.noted(suspect.entering, suspect.mode)
    port = quartet.port_64
    assert isinstance(port, PortByModule)
    with port.x64():
        run, model, _, _ = port.begun(suspect.entering, suspect.mode, result.dropped)
        looked = _Looked(suspect, result, results, Held(run, Recognized(results)), model, port)
        looked.held.forward()
    return looked


def _first(looked: _Looked) -> tuple[Difference | None, list[str]]:
    """The first difference, and what is seen of it."""
    if (at := looked.held.first_piece()) is not None:
        return _forward(looked, at)
    suspect, model = looked.suspect, looked.model
    _, _, against, _ = looked.port.begun(suspect.entering, suspect.mode, looked.result.dropped)
    numbers = {"loss": model.pieces.returned[1]} if "loss" in against else model.pieces.returned[0]
    back = looked.held.backward((numbers[name], as_torch_has_it(array)) for name, array in against.items())
    if (first := _first_apart(back.came)) is None:
        return _summed(looked, back)
    number, made, gap = first
    users = looked.held.users(number)
    inside = _first_apart(looked.held.open_back(users[-1])) if users else None
    return _sent_back(looked, users, *(inside or (number, made, gap)))


def _first_apart(came: Iterable[tuple[Number, Found, np.ndarray]]) -> tuple[Number, Made, float] | None:
    """The first value, from the end, to which something else comes back than in the reference, and how far that is."""
    for number, found, own in came:
        if found.made.cotangent is not None:
            gap = relative_distance(found.layout.to_port(found.made.cotangent), own)
            if gap > EXACT:
                return number, found.made, gap
    return None


def _forward(looked: _Looked, at: int) -> tuple[Difference, list[str]]:
    held = looked.held
    opened = held.open(at)
    made = _first_result(looked)
    step, gap = _nearest(made, opened)
    paths = looked.leaves(held.parameters(step) if step else ()) or looked.leaves(held.run.pieces.cuts[at].taken)
    place = place_of_eqn(step.eqn) if step else UNKNOWN
    after, before = _between(looked.results, made) if made is not None and not made.leaf else ("", "")
    difference = Difference(
        direction=FORWARD,
        reference=made.path if made else "",
        port=_module(paths),
        quantity=f"result of {made.function if made else 'the model'}",
        probe=looked.suspect.probe,
        mode=MODES[looked.suspect.mode],
        gap=gap or 0.0,
        allowed=EXACT,
        place_reference=_known(made.place) if made else "",
        place_port=held.place(at) if place == UNKNOWN else place,
        after=after,
        before=before,
        reason="the port has nothing of its size there" if made and gap is None else "",
    )
    inside = {entry.reference for entry in looked.port.prepared.weight_map.entries if entry.port in set(paths)}
    own = [name for name in looked.failing if name in inside]
    failing = looked.failing
    seen = [f"it is in {looked.piece(at)}"]
    if failing:
        seen.append(f"parameters whose gradients are no match: {len(failing)}{_listed(own, ', there: ')}")
    return difference, seen


def _nearest(made: Made | None, opened: Sequence[tuple[Step, np.ndarray]]) -> tuple[Step | None, float | None]:
    """Of the port's results that do not agree, what stands for the reference's: the nearest one of as many entries, and
    how far it is from that; the first, where none has as many."""
    if not opened:
        return None, None
    distances = [None if made is None else apart(made, value) for _, value in opened]
    near = [(gap, place) for place, gap in enumerate(distances) if gap is not None]
    gap, place = min(near, default=(None, 0))
    return opened[place][0], gap


def _sent_back(
    looked: _Looked, users: Sequence[int], number: Number, made: Made, gap: float
) -> tuple[Difference, list[str]]:
    onwards = next((one for one in looked.results if made in one.operands), made)
    place = looked.held.place(users[-1], number) if users else ""
    difference = Difference(
        direction=BACKWARD,
        reference=onwards.path,
        port=_module(looked.leaves(n for at in users for n in looked.held.run.pieces.cuts[at].taken)),
        quantity=f"gradient of the result of {made.function} in {made.path or 'the model'}",
        probe=looked.suspect.probe,
        mode=MODES[looked.suspect.mode],
        gap=gap,
        allowed=EXACT,
        place_reference=_known(onwards.place),
        place_port=place,
    )
    return difference, [f"it is sent back by {looked.piece(at)}" for at in users]


def _summed(looked: _Looked, back: Back) -> tuple[Difference | None, list[str]]:
    """Of gradients that differ though all that came back to the pieces agrees: from where nothing, or something else,
    is sent."""
    by_reference = {entry.reference: entry.port for entry in looked.port.prepared.weight_map.entries}
    failing = [name for name in looked.failing if by_reference.get(name) in looked.model.leaves]
    if not failing:
        return None, []
    name = failing[0]
    path = by_reference[name]
    number = looked.model.leaves[path]
    sent, pieces = back.sent.get(number, {}), looked.held.run.pieces.cuts
    seen = [
        f"the port sends nothing back to {name} from piece {at + 1} of {len(pieces)}, which takes it"
        for at in looked.held.users(number)
        if not sent.get(at)
    ]
    silent = [at for at in looked.held.users(number) if not sent.get(at)]
    gap, allowed = relative_gap(looked.suspect.judged.judgements[f"grad/{name}"])
    users = silent or looked.held.users(number)
    difference = Difference(
        direction=BACKWARD,
        reference=name.rpartition(".")[0],
        port=_module([path]),
        quantity=f"grad/{name}",
        probe=looked.suspect.probe,
        mode=MODES[looked.suspect.mode],
        gap=gap,
        allowed=allowed,
        place_port=looked.held.place(users[-1], number) if users else "",
        more=len(failing) - 1,
        reason=looked.suspect.judged.judgements[f"grad/{name}"].reason,
        scale=looked.suspect.judged.judgements[f"grad/{name}"].scale,
    )
    return difference, seen or [f"{name} is taken by {looked.piece(at)}" for at in users]


def _first_result(looked: _Looked) -> Made | None:
    """The reference's first result that the port does not have, though it has all that it is made of, nor anything that
    is made of it."""
    sound = set(looked.held.known.alike(found.made for found in looked.held.found.values()))
    for made in reversed(looked.results):
        if made in sound:
            sound.update(made.operands)
    onwards = (one for one in looked.results if one.cotangent is not None and one not in sound)
    return next((one for one in onwards if sound.issuperset(one.operands)), None)


def _between(results: Sequence[Made], made: Made) -> tuple[str, str]:
    """The modules between which code runs that is no layer's."""
    inside = f"{made.path}." if made.path else ""
    before = [one.path for one in made.operands if one.leaf]
    after = [one.path for one in results[made.number :] if one.leaf and one.path.startswith(inside)]
    return next(iter(before), ""), next(iter(after), "")


def _module(paths: Sequence[str]) -> str:
    """The innermost module of the port that all these parameters are in."""
    names = [path.partition("/")[2].replace("/", ".").split(".")[:-1] for path in paths]
    return ".".join(parts[0] for parts in takewhile(lambda parts: len({*parts}) == 1, zip(*names, strict=False)))


def _listed(names: Sequence[str], lead: str) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{lead}{', '.join(names[:NAMED])}{more}" if names else ""


def _known(place: str) -> str:
    return "" if place == UNKNOWN else place
