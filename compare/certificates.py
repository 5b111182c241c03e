"""What proves that a check means something: coverage says what was compared, teeth what it would have caught.

The third certificate, the detection limit, is a number of each judgement.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from compare.mutants import mutants
from compare.pair import Entering
from compare.probes import BASE
from compare.quantity import Quantity, kind_of
from compare.quartet import Quartet, SideError
from compare.verdict import Judgement, Verdict, worst
from compare.weights import Arrays


@dataclass(frozen=True)
class Coverage:
    """What was compared and what was not.

    Attributes:
        counts: how many quantities of each kind were judged.
        not_compared: parameters and buffers without a judged gradient or update; one is enough for ``incomplete``.
        left_out: entries the norms leave out, by reason, summed over all quantities.
        uninformative: quantities that are the same on every probe, so that agreeing on them says little.
        probes: those that ran; skipped: those on which the reference itself raised, with its message.
    """

    counts: dict[str, int]
    parameters: int
    not_compared: tuple[str, ...]
    left_out: dict[str, int]
    uninformative: tuple[str, ...]
    probes: tuple[str, ...]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Teeth:
    """Which mutants each check caught: a check is the quantities of one kind, caught means a worse verdict."""

    mutants: tuple[str, ...]
    caught: dict[str, tuple[str, ...]]
    failing: tuple[str, ...] = ()

    @property
    def toothless(self) -> tuple[str, ...]:
        """The checks that caught none, but for those that are ``failing`` without a mutant already."""
        return tuple(check for check, names in self.caught.items() if not names and check not in self.failing)


def coverage(
    quartet: Quartet,
    entering: Entering,
    quantities: list[Quantity],
    skipped: dict[str, str],
    oracles: dict[str, Arrays],
) -> Coverage:
    """The coverage of what ``verify`` judged; ``oracles`` are the reference's float64 runs by probe."""
    judged = {quantity.name for quantity in quantities if quantity.verdict is not Verdict.INVALID}
    not_compared = [
        f"{prefix}/{name}"
        for name in entering.weights
        for prefix in ("grad", "update")
        if f"{prefix}/{name}" not in judged
    ]
    not_compared += [f"buffer {name}" for name in quartet.reference.buffers()]
    kinds = [quantity.kind for quantity in quantities]
    ones = [quantity.judgement for quantity in quantities]
    return Coverage(
        counts={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        parameters=sum(array.size for array in entering.weights.values()),
        not_compared=tuple(not_compared),
        left_out={
            "fills": sum(one.fills for one in ones),
            "flushed": sum(one.flushed for one in ones),
            "nonfinite": sum(one.nonfinite for one in ones),
        },
        uninformative=tuple(_constant(oracles)),
        probes=tuple(oracles),
        skipped=skipped,
    )


def _constant(oracles: dict[str, Arrays]) -> list[str]:
    if len(oracles) < 2:
        return []
    return [name for name in oracles[BASE] if len({_digest(run[name]) for run in oracles.values() if name in run}) == 1]


def _digest(array: np.ndarray) -> bytes:
    return hashlib.blake2b(array.tobytes(), digest_size=16).digest()


def teeth(quartet: Quartet, entering: Entering, quantities: list[Quantity]) -> Teeth:
    """Run every mutant of what enters the port through the whole path, and see which checks it worsens."""
    before = _by_check((quantity.name, quantity.verdict) for quantity in quantities if quantity.probe == BASE)
    made = mutants(entering)
    caught: dict[str, list[str]] = {check: [] for check in before}
    reference, steps = quartet.run_reference(entering), quartet.steps_reference(entering)
    hand = quartet.run_by_hand(entering) if quartet.pair.by_hand else None
    for name, mutant in made.items():
        try:
            port = quartet.run_port(mutant)
            judged = _judged(quartet, reference, port) | _judged(quartet, steps, quartet.steps_port(mutant))
            if hand:
                judged |= {f"by_hand/{key}": one for key, one in _judged(quartet, hand, port).items()}
            after = _by_check((key, one.verdict) for key, one in judged.items())
        except SideError:
            after = dict.fromkeys(before, Verdict.INVALID)
        for check in before:
            if after[check].severity > before[check].severity:
                caught[check].append(name)
    failing = tuple(check for check, verdict in before.items() if verdict.severity >= Verdict.MISMATCH.severity)
    return Teeth(tuple(made), {check: tuple(names) for check, names in caught.items()}, failing)


def _judged(quartet: Quartet, reference: tuple[Arrays, Arrays], port: tuple[Arrays, Arrays]) -> dict[str, Judgement]:
    return quartet.judge(reference[0], port[0], reference[1], port[1])


def _by_check(verdicts: Iterable[tuple[str, Verdict]]) -> dict[str, Verdict]:
    grouped: dict[str, list[Verdict]] = {}
    for name, verdict in verdicts:
        grouped.setdefault(kind_of(name), []).append(verdict)
    return {kind: worst(found) for kind, found in grouped.items()}
