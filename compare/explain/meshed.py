"""Why a port differs on a mesh: what sharding breaks is tried before any place is looked for.

Each way to work on shards is put into the reference, which is then judged against the port by the verdict's own rule:
on every run that differs, and on another draw of what enters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compare.arrays.probes import BASE
from compare.errors import UsageError, swallowed
from compare.explain.closing import Closing
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.meshes.low_collectives import low_collectives
from compare.explain.doctor.meshes.mesh_suspects import Seen, suspects
from compare.explain.doctor.meshes.rows_apart import STATE, Suspect
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import relative_gap
from compare.explain.locate.introduced import differs
from compare.explain.locate.thresholds import PROBES
from compare.explain.mesh_run import MeshRun
from compare.explain.of_whole_arrays import of_whole_arrays
from compare.explain.redrawn import redrawn_steps
from compare.frameworks.models.references import ReferenceModel
from compare.pair.pair import Entering
from compare.sides.context import Oracles
from compare.sides.judging import Judged
from compare.sides.progress import Progress
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, SideError
from compare.verdict.verdict import Judgement

DRAWN = "another draw"


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
        found = of_whole_arrays(runs) if not runs[0].by_hand else _low_collective(runs[0])
        if found is not None or not runs[0].by_hand:
            return found
        for suspect in suspects(_seen(runs[0])):
            if (found := _tried(suspect, runs)) is not None:
                return found
    except Exception as error:  # a model that does not stand it is no reason to lose the verdict
        swallowed(error)
    return None


def _runs(quartet: Quartet, entering: Entering, failed: Sequence[FailedRun], steps: Judged | None) -> Iterator[MeshRun]:
    """What differs, the pair's own batch first, and then the same on another draw; training steps where they alone
    differ."""
    some = sorted((one for one in failed if one.exact), key=lambda one: one.probe != BASE)[:PROBES]
    for one in some:
        yield MeshRun(quartet.using(one.judged.oracles), one.entering, one.mode, one.probe)
    if some:
        first = some[0]
        yield from _elsewhere(MeshRun(quartet.using(first.judged.oracles), first.entering, first.mode, first.probe))
    elif not failed and steps is not None and not steps.no_oracle and any(map(differs, steps.judgements.values())):
        own = MeshRun(quartet.using(steps.oracles), entering, STEPS, BASE)
        yield own
        yield from _elsewhere(own)


def _elsewhere(own: MeshRun) -> Iterator[MeshRun]:
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


def _seen(run: MeshRun) -> Seen:
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


def _tried(suspect: Suspect, runs: Sequence[MeshRun]) -> Explanation | None:
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
    first, before = runs[0].first
    cause = Cause(
        suspect.setting, suspect.reference, suspect.port, suspect.text, "counterfactual", before, after, None, True
    )
    closing = Closing(before, after, tuple(left), len(runs[0].differing))
    return Explanation(first, (NamedCause(cause, "", ""),), closing=closing)


def _low_collective(run: MeshRun) -> Explanation | None:
    """A collective below the working precision, where with all that the port lowers raised it is a match."""
    (port, mode), quartet, t = run.port, run.quartet, run.plain[0]
    program, _, _ = port.forward_program(run.entering, mode, t.dropped)
    low = list(low_collectives(program, quartet.precision.name))
    if not low:
        return None
    raised = MeshRun(quartet.using(Oracles(quartet.oracle, promoted=True)), run.entering, run.what, run.probe)
    if raised.differing:
        return None
    first, before = run.first
    shown = " and ".join(one.text for one in low[:2]) + (f" and {len(low) - 2} more" if len(low) > 2 else "")
    text = (
        f"{shown} {'runs' if len(low) == 1 else 'run'} in {low[0].format}, which rounds what goes between devices; in "
        f"{quartet.precision.name} all that differs agrees"
    )
    cause = Cause("collective", quartet.precision.name, low[0].format, text, "read", before, 0.0, None, True)
    return Explanation(first, (NamedCause(cause, "", ""),))
