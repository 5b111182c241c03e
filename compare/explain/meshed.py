"""Why a port differs on a mesh: what sharding breaks is tried before any place is looked for.

Each way to work on shards is put into the reference, which is then judged against the port by the verdict's own rule:
on every run that differs, and on another draw of what enters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from compare.arrays.probes import BASE
from compare.errors import UsageError, swallowed
from compare.explain.closing import Closing
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.meshes.low_collectives import low_collectives
from compare.explain.doctor.meshes.mesh_suspects import Seen, Suspect, suspects
from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Difference, relative_gap
from compare.explain.locate.introduced import differs
from compare.explain.locate.locate import MODES
from compare.explain.locate.thresholds import PROBES
from compare.explain.redrawn import redrawn_steps
from compare.frameworks.islands.per_shard import is_per_shard
from compare.frameworks.islands.replay import operations_of
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.references import ReferenceModel
from compare.pair.pair import Entering
from compare.sides.context import Oracles
from compare.sides.judging import Judged
from compare.sides.port import PortSide
from compare.sides.progress import Progress
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result, SideError, What
from compare.sides.variance import ACCEPT
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement

Judgements = dict[str, Judgement]
STATE = ("state/", "after/state/")
IN_TRAINING, DRAWN = "training", "another draw"


@dataclass(frozen=True)
class _Run:
    """One run of the pair, made again: what enters, and what is run."""

    quartet: Quartet
    entering: Entering
    what: What
    probe: str

    @cached_property
    def plain(self) -> tuple[Result, Result, Result, Result]:
        return self.quartet.run(self.entering, self.what)

    @cached_property
    def judged(self) -> Judgements:
        t, j, t64, j64 = self.plain
        return self.quartet.judge(t, j, t64, j64)

    @property
    def differing(self) -> Judgements:
        return {name: one for name, one in self.judged.items() if differs(one)}

    def with_reference(self, how: InShards) -> Judgements:
        """The judgements with the reference run in another way."""
        quartet = self.quartet
        promoted, kept = quartet.promoted, quartet.kept_reference
        at_p = ReferenceInShards(how, quartet.prepared, quartet.precision, quartet.device.torch)
        at_64 = ReferenceInShards(how, quartet.prepared, FLOAT64, quartet.oracle.torch, promoted, kept=kept)
        t, t64 = (
            side.steps(self.entering) if self.what == STEPS else side.run(self.entering, self.what)
            for side in (at_p, at_64)
        )
        plain, j, _, j64 = self.plain
        if ACCEPT in quartet.pair.accept:  # a variance is corrected by the number of values behind it
            j, j64 = quartet.run_port(self.entering, self.what, replace(plain, variances=t.variances))
        return quartet.judge(t, j, t64, j64)


def explain_on_mesh(
    quartet: Quartet,
    entering: Entering,
    failed: Sequence[FailedRun],
    steps: Judged | None,
    progress: Progress,
) -> Explanation | None:
    """The cause that sharding has, where one closes all that differs; None where none does, or there is no mesh.

    Args:
        failed: where outputs, gradients or statistics differ; steps: the judgements on the training steps.
    """
    layout = quartet.prepared.layout
    if layout is None or quartet.on_record or not isinstance(quartet.prepared.reference, ReferenceModel):
        return None
    runs = list(_runs(quartet, entering, failed, steps))
    if not runs:
        return None
    progress("what sharding breaks")
    try:
        found = _of_the_compiler(runs) if not _by_hand(runs[0]) else _low_collective(runs[0])
        if found is not None or not _by_hand(runs[0]):
            return found
        for suspect in suspects(_seen(runs[0])):
            if (found := _tried(suspect, runs)) is not None:
                return found
    except Exception as error:  # a model that does not stand it is no reason to lose the verdict
        swallowed(error)
    return None


def _runs(quartet: Quartet, entering: Entering, failed: Sequence[FailedRun], steps: Judged | None) -> Iterator[_Run]:
    """What differs, the pair's own batch first, and then the same on another draw; training steps where they alone
    differ."""
    some = sorted((one for one in failed if one.exact), key=lambda one: one.probe != BASE)[:PROBES]
    for one in some:
        yield _Run(quartet.using(one.judged.oracles), one.entering, one.mode, one.probe)
    if some:
        first = some[0]
        yield from _elsewhere(_Run(quartet.using(first.judged.oracles), first.entering, first.mode, first.probe))
    elif not failed and steps is not None and not steps.no_oracle and any(map(differs, steps.judgements.values())):
        own = _Run(quartet.using(steps.oracles), entering, STEPS, BASE)
        yield own
        yield from _elsewhere(own)


def _elsewhere(own: _Run) -> Iterator[_Run]:
    """The same on another draw, of the weights alone where the pair does not take another batch."""
    drawn = redrawn_steps(own.quartet, own.entering)
    for entering in (drawn, replace(drawn, batches=own.entering.batches)):
        other = replace(own, entering=entering, probe=DRAWN)
        try:
            other.plain  # noqa: B018  # kept for later
        except (SideError, UsageError) as error:
            swallowed(error)
            continue
        yield other
        return


def _seen(run: _Run) -> Seen:
    layout, (t, _, t64, j64) = run.quartet.prepared.layout, run.plain
    assert layout is not None
    return Seen(
        axes=layout.axes,
        rows=run.entering.batches[0].rows,
        what=run.what,
        drops=bool(t.dropouts),
        normalizes=bool(t.variances),
        differing=run.differing,
        reference=t64,
        port=j64,
    )


def _tried(suspect: Suspect, runs: Sequence[_Run]) -> Explanation | None:
    """The explanation, where the reference so run is the port on every run."""
    left: dict[str, Judgement] = {}
    closed: dict[str, Judgement] = {}
    for run in runs:
        try:
            judged = run.with_reference(suspect.how)
        except Exception as error:  # a model that does not run so
            swallowed(error)
            return None
        still = {name: one for name, one in judged.items() if differs(one)}
        if any(not name.startswith(STATE) for name in still) or len(still) >= max(len(run.differing), 1):
            return None
        left |= still
        closed = closed or judged
    after = max((relative_gap(closed[name])[0] for name in runs[0].differing if name not in left), default=0.0)
    first, before = _first(runs[0])
    cause = Cause(
        suspect.setting, suspect.reference, suspect.port, suspect.text, "counterfactual", before, after, None, True
    )
    closing = Closing(before, after, tuple(left), len(runs[0].differing))
    return Explanation(first, (NamedCause(cause, "", ""),), closing=closing)


def _by_hand(run: _Run) -> bool:
    """Whether the port's own code works on shards: what is written for whole arrays means the same on any mesh."""
    port, mode = _port_of(run)
    if mode not in port.on_mesh:
        port.run(run.entering, mode, run.plain[0].dropped)
    programs = [port.update_program(run.entering)] if run.what == STEPS else []
    return port.on_mesh[mode].by_hand or any(is_per_shard(eqn) for one in programs for eqn in operations_of(one))


def _port_of(run: _Run) -> tuple[PortSide, Mode]:
    """The port at the working precision, and the mode of a run."""
    port = run.quartet.port
    assert isinstance(port, PortSide)
    return port, run.quartet.prepared.modes[0] if run.what == STEPS else run.what


def _of_the_compiler(runs: Sequence[_Run]) -> Explanation | None:
    """Of a port that is written for whole arrays: that it is the reference's function on one device of the mesh."""
    run, layout = runs[0], runs[0].quartet.prepared.layout
    assert layout is not None
    for one in runs:
        alone = one.quartet.with_other("port", layout=replace(layout, mesh=layout.mesh.alone))
        if replace(one, quartet=alone).differing:
            return None
    first, before = _first(run)
    text = (
        f"the compiler makes another function of the port on {layout.axes}: on one device the same program is the "
        "reference's, and the port's code has no shard_map; choose other axes, or look for a newer jaxlib"
    )
    cause = Cause("partitioning", "on one device", f"on {layout.axes}", text, "read", before, 0.0, None, True)
    return Explanation(first, (NamedCause(cause, "", ""),))


def _low_collective(run: _Run) -> Explanation | None:
    """A collective below the working precision, where with all that the port lowers raised it is a match."""
    (port, mode), quartet, t = _port_of(run), run.quartet, run.plain[0]
    program, _, _ = port.forward_program(run.entering, mode, t.dropped)
    low = list(low_collectives(program, quartet.precision.name))
    if not low:
        return None
    raised = _Run(quartet.using(Oracles(quartet.oracle, promoted=True)), run.entering, run.what, run.probe)
    if raised.differing:
        return None
    first, before = _first(run)
    shown = " and ".join(one.text for one in low[:2]) + (f" and {len(low) - 2} more" if len(low) > 2 else "")
    text = (
        f"{shown} {'runs' if len(low) == 1 else 'run'} in {low[0].format}, which rounds what goes between devices; in "
        f"{quartet.precision.name} all that differs agrees"
    )
    cause = Cause("collective", quartet.precision.name, low[0].format, text, "read", before, 0.0, None, True)
    return Explanation(first, (NamedCause(cause, "", ""),))


def _first(run: _Run) -> tuple[Difference, float]:
    """The first quantity that differs, as a place, and the largest relative gap of all."""
    name, judgement = next(iter(run.differing.items()))
    gap, allowed = relative_gap(judgement)
    direction = {"output": FORWARD, "loss": LOSS, "grad": BACKWARD, "state": STATISTICS}.get(name.split("/")[0], UPDATE)
    mode = IN_TRAINING if run.what == STEPS else MODES[run.what]
    where = "optimizer" if direction == UPDATE else ""
    difference = Difference(
        direction, where, where, name, run.probe, mode, gap, allowed, more=0, reason=judgement.reason,
        scale=judgement.scale,
    )  # fmt: skip
    return difference, max(relative_gap(one)[0] for one in run.differing.values())
