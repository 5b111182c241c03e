"""What proves that a check means something: coverage says what was compared, teeth what it would have caught.

The third certificate, the detection limit, is a number of each judgement.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.probes import BASE, FEW_ROWS
from compare.errors import swallowed
from compare.pair.pair import Entering
from compare.sides.context import Context
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import Quartet
from compare.sides.rounding import MEASURED
from compare.sides.side import STEPS, Result, SideError, What
from compare.verdict.quantity import EVAL, RULE_KIND, Quantity, kind_of_quantity
from compare.verdict.verdict import Judgement, Verdict, worst
from compare.verification.mutants import mutants


@dataclass(frozen=True)
class Coverage:
    """What was compared and what was not.

    Attributes:
        counts: how many quantities of each kind were judged.
        not_compared: parameters without a judged gradient or update, buffers, and what depends on the models' own
            random numbers; one is enough for ``incomplete``.
        drawn: randomness that no mask could replace (fused or hand-drawn dropout); one is enough for ``incomplete``.
        constants: the reference's buffers without a counterpart, which no run changed, and its integer counters.
        frozen: parameters that training steps leave alone, since the port holds them summed into another.
        accepted: parameters that one side alone has, and the pair accepts.
        overwritten: the reference's buffers without a counterpart that each run writes before it reads them.
        left_out: entries the norms leave out, by reason, summed over all quantities.
        uninformative: quantities that are the same on every probe, so that agreeing on them says little.
        probes: those that ran; skipped: those on which the reference itself raised, with its message.
    """

    counts: dict[str, int]
    parameters: int
    not_compared: tuple[str, ...]
    drawn: tuple[str, ...]
    constants: tuple[str, ...]
    frozen: tuple[str, ...]
    accepted: tuple[str, ...]
    overwritten: tuple[str, ...]
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
    quantities: Sequence[Quantity],
    skipped: dict[str, str],
    digests: dict[str, dict[str, bytes]],
    changed: set[str],
    unread: Collection[str],
    drawn: set[str],
    unlike: set[str],
) -> Coverage:
    """The coverage of what ``verify`` judged.

    Args:
        digests: of the reference's float64 runs by probe, what ``digest`` makes of each quantity.
        changed: constants of the reference that a run did not leave as they were; unread: those of them that it wrote
            before it read them.
        drawn: randomness that no mask replaced.
        unlike: quantities that depend on it, and so were not judged on the pair's own batch.
    """
    judged = {quantity.name for quantity in quantities if quantity.verdict is not Verdict.INVALID}
    prefixes = ("grad", "update") if quartet.pair.optimizers else ("grad",)
    not_compared = sorted(unlike - judged)
    not_compared += [
        f"{prefix}/{name}" for name in entering.weights for prefix in prefixes if f"{prefix}/{name}" not in judged
    ]
    if any(mode is not False for mode in quartet.prepared.modes):
        not_compared += [f"buffer {name}" for name in quartet.prepared.buffers if f"state/{name}" not in judged]
    not_compared += [f"buffer {name}" for name in sorted(changed) if name not in unread]
    kinds = [quantity.kind for quantity in quantities]
    judgements = [quantity.judgement for quantity in quantities]
    return Coverage(
        counts={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        parameters=sum(array.size for array in entering.weights.values()),
        not_compared=tuple(dict.fromkeys(not_compared)),
        drawn=tuple(sorted(drawn)),
        constants=tuple(name for name in quartet.prepared.constants if name not in changed),
        frozen=tuple(dict.fromkeys(bias.second for bias in quartet.prepared.summed)),
        accepted=quartet.prepared.accepted,
        overwritten=tuple(sorted(unread)),
        left_out={
            "fills": sum(judgement.fills for judgement in judgements),
            "flushed": sum(judgement.flushed for judgement in judgements),
            "nonfinite": sum(judgement.nonfinite for judgement in judgements),
        },
        uninformative=tuple(_constant(digests)),
        probes=tuple(digests),
        skipped=skipped,
    )


def _constant(digests: dict[str, dict[str, bytes]]) -> list[str]:
    if len(digests) < 2:
        return []
    # Of few rows a sum is another than of all.
    alike = [run for probe, run in digests.items() if probe != BASE or FEW_ROWS not in digests]
    return [name for name in digests[BASE] if len({run[name] for run in alike if name in run}) == 1]


def digest(array: np.ndarray) -> bytes:
    """Equal for equal arrays, in 16 bytes."""
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).digest()


def teeth(
    quartet: Quartet,
    entering: Entering,
    quantities: Sequence[Quantity],
    contexts: Mapping[What, Context],
    seed: int = 0,
    progress: Progress = say_nothing,
    few: Entering | None = None,
) -> Teeth:
    """Run every mutant of what enters the port through the whole path, and see which checks it worsens.

    Args:
        quantities: of the pair's own batch, or of its few rows.
        contexts: of what is run: the modes that could be compared, and ``STEPS`` where there are optimizers.
        seed: of what the update rule was judged on.
        few: what enters with few rows, where the modes are run on those; training steps have all.
    """
    own = [quantity for quantity in quantities if quantity.probe in (BASE, FEW_ROWS)]
    # What differs on a kink, or may, or by float64's own rounding, does so in every run: it is no worse in a mutant's.
    unsure = {
        quantity.name
        for quantity in own
        if quantity.kink or quantity.verdict is Verdict.INCOMPLETE or quantity.judgement.reason == MEASURED
    }
    before = _by_check((quantity.name, quantity.verdict) for quantity in own if quantity.name not in unsure)
    of_all, of_few = mutants(entering), mutants(few) if few else {}
    caught: dict[str, list[str]] = {check: [] for check in before}
    fed = {what: few if few and what != STEPS else entering for what in contexts}
    made = {what: of_few if fed[what] is few else of_all for what in contexts}
    every = [name for name in of_all if any(name in own for own in made.values())]  # one row has no second
    reference = {what: quartet.within(context).run_reference(fed[what], what) for what, context in contexts.items()}
    hand = quartet.run_by_hand(entering) if quartet.pair.by_hand else None
    for name in every:
        progress(f"mutant: {name}")
        try:
            mutated = {what: own[name] for what, own in made.items() if name in own}
            judged = _judged(quartet, mutated, contexts, reference, hand)
            if RULE_KIND in before and of_all[name].hyper != entering.hyper:
                from compare.verification.update_rule import first_steps_with  # which runs torch: a record has no rule

                judged |= first_steps_with(quartet, entering, of_all[name].hyper, seed)
            after = _by_check((name, one.verdict) for name, one in judged.items() if name not in unsure)
        except SideError as error:
            swallowed(error)
            after = dict.fromkeys(before, Verdict.INVALID)
        for check in before:
            if after.get(check, before[check]).severity > before[check].severity:
                caught[check].append(name)
    failing = tuple(check for check, verdict in before.items() if verdict.severity >= Verdict.MISMATCH.severity)
    return Teeth(tuple(every), {check: tuple(names) for check, names in caught.items()}, failing)


def _judged(
    quartet: Quartet,
    mutated: Mapping[What, Entering],
    contexts: Mapping[What, Context],
    reference: Mapping[What, tuple[Result, Result]],
    hand: tuple[Arrays, Arrays] | None,
) -> dict[str, Judgement]:
    judged: dict[str, Judgement] = {}
    for what, mutant in mutated.items():
        t, t64 = reference[what]
        bound, sizes = quartet.within(contexts[what]), contexts[what].sizes(mutant)
        j, j64 = bound.run_port(mutant, what, t)
        prefix = EVAL if what is False and len(quartet.prepared.modes) > 1 else ""
        judged |= {f"{prefix}{name}": judgement for name, judgement in bound.judge(t, j, t64, j64, sizes).items()}
        if hand and what != STEPS:
            judged |= {
                f"by_hand/{name}": judgement for name, judgement in bound.judge(hand[0], j, hand[1], j64, sizes).items()
            }
    return judged


def _by_check(verdicts: Iterable[tuple[str, Verdict]]) -> dict[str, Verdict]:
    grouped: dict[str, list[Verdict]] = {}
    for name, verdict in verdicts:
        grouped.setdefault(kind_of_quantity(name), []).append(verdict)
    return {kind: worst(found) for kind, found in grouped.items()}
