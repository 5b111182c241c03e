"""The first stage: what the pair's own batch shows in every mode, and so the context that all else is judged in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from compare.arrays.probes import BASE
from compare.errors import swallowed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import NOTHING_KNOWN, QUIET, Context, Noise, Oracles, input_size
from compare.sides.judging import Judged
from compare.sides.lowering import lowering_of
from compare.sides.noise import noise_of
from compare.sides.plan import Plan
from compare.sides.progress import Progress
from compare.sides.quartet import Quartet
from compare.sides.side import SideError, What
from compare.verification.probing import Outcome, judge_probe

IN_WORDS = {None: "", True: ", training", False: ", evaluation"}


@dataclass(frozen=True)
class Learnt:
    """What the pair's own batch showed.

    Attributes:
        outcomes: one for each mode.
        contexts: of each mode that could be compared; training steps are judged in that of the first.
    """

    outcomes: tuple[Outcome, ...]
    contexts: Mapping[What, Context]

    def context(self, mode: Mode) -> Context:
        """That of a mode; of one that could not be compared nothing is known."""
        return self.contexts.get(mode, NOTHING_KNOWN)


def learn(quartet: Quartet, entering: Entering, plan: Plan, progress: Progress) -> Learnt:
    """Judge the pair's own batch in every mode with nothing known, each mode for itself.

    Raises:
        SideError: a model raises.
    """
    own = replace(entering, batches=entering.batches[:1])
    outcomes, started = list[Outcome](), dict[What, Context]()
    for mode in quartet.prepared.modes:
        progress(f"probe {BASE}{IN_WORDS[mode]}")
        # Before either side runs in float64: what is rounded on one side alone, no oracle may raise.
        lowering = lowering_of(quartet, own, mode)
        oracles = Oracles(quartet.oracle, promoted=True, lowering=lowering) if lowering else None
        started[mode] = Context(oracles, noise=_noise(quartet, own, mode))
        outcomes.append(judge_probe(quartet, own, BASE, mode, started[mode], plan))
    contexts: dict[What, Context] = {
        outcome.mode: context_of(outcome.judged, own, started[outcome.mode]) for outcome in outcomes if outcome.judged
    }
    return Learnt(tuple(outcomes), contexts)


def _noise(quartet: Quartet, own: Entering, mode: Mode) -> Noise:
    """Of a pair whose port is given random streams. On record the reference cannot be run with others, and where a
    model raises, judging it says so."""
    if not quartet.pair.rngs or quartet.on_record:
        return QUIET
    try:
        return noise_of(quartet, own, mode)
    except SideError as error:
        swallowed(error)
        return QUIET


def context_of(judged: Judged, entering: Entering, started: Context = NOTHING_KNOWN) -> Context:
    """What a judgement of the pair's own batch, which ``started`` in a context, tells those that follow."""
    return Context(
        judged.oracles or started.oracles,
        judged.no_oracle,
        {name: one.scale for name, one in judged.judgements.items()},
        input_size(entering.batches[0]),
        judged.witness,
        started.noise,
    )
