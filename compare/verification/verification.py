"""One pair, verified: outputs, gradients, statistics, updates, a short trajectory. Returns data, prints nothing.

The first stage, ``learning``, judges the pair's own batch with nothing known, and returns with its outcomes the context
of each mode. Every other stage takes what enters and that context, and nothing that another one has written: words and
numbers are the same in whatever order they run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from compare.arrays.aside import Aside
from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, FEW_ROWS, SUBNORMAL, probed
from compare.checkpoints.judged import NOT_ASKED, WeightsAsked, brought_together, judged_weights
from compare.errors import UsageError, WholeBatchError, swallowed
from compare.frameworks.cutting.cuts_of_program import UncutError
from compare.frameworks.devices import Device
from compare.frameworks.meshes.mesh_devices import BuiltMesh, on_mesh
from compare.frameworks.models.modes import Mode
from compare.pair.calling import how_called
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.context import Context
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.plan import BY_DEFAULT, Plan
from compare.sides.progress import Progress, Within, say_nothing
from compare.sides.quartet import Quartet
from compare.sides.record_file import ReferenceRecord
from compare.sides.record_pairing import prepare_recorded
from compare.sides.record_side import recorded_side
from compare.sides.side import STEPS, SideError
from compare.verdict.bits import precision_flag
from compare.verdict.precision import FLOAT32, Precision
from compare.verdict.quantity import RULE_KIND, Quantity, kind_of_quantity
from compare.verdict.verdict import Verdict
from compare.verification.bounds import check_bounds
from compare.verification.by_module import check_by_module, said_of_by_module
from compare.verification.certificates import Teeth, teeth
from compare.verification.envelope import Envelope, envelope
from compare.verification.few_rows import are_taken, few_rows, in_words
from compare.verification.learning import IN_WORDS, Learnt, learn
from compare.verification.long_run import check_room, followed
from compare.verification.mesh_report import mesh_report
from compare.verification.notices import judged_in, notices
from compare.verification.pair_report import PairReport, covered_by, verdict_of
from compare.verification.probing import Outcome, judge_probe
from compare.verification.rule_report import ON_RECORD, UpdateRule
from compare.weights.own.loader import loader_notices

__all__ = ["PairReport", "Plan", "Session", "verify"]


class Session:
    """A pair brought together and ready to be verified, more than once if need be: what is compiled stays."""

    def __init__(
        self,
        pair: Pair,
        device: Device,
        precision: Precision = FLOAT32,
        plan: Plan = BY_DEFAULT,
        oracle: Device | None = None,
        record: ReferenceRecord | None = None,
        weights: WeightsAsked = NOT_ASKED,
        mesh: BuiltMesh | None = None,
        aside: Aside | None = None,
    ) -> None:
        """``record``: the reference's runs, where it was run before; then precision and plan are the record's.
        ``weights``: what is asked of the weights that a side came with; ``mesh``: what the port is run on, in the place
        of one device; ``aside``: in bounded memory, a piece of the model at a time (``--by-module``), what is not
        needed at the moment lies there."""
        self.plan = Plan(**record.facts["plan"]) if record else plan
        self.record = record
        if record is None:
            # Variables on which the port does not run are wrong weights, where those are asked for.
            if aside is not None:
                check_by_module(pair, (device, oracle or device), mesh is not None)
            with on_mesh(mesh):
                prepared, given = (
                    brought_together(pair, plan.seed) if weights.asked else (prepare(pair, plan.seed), None)
                )
            self.prepared = prepared.on(mesh, pair.draw(np.random.default_rng(plan.seed))) if mesh else prepared
            if aside is not None:
                self.prepared = replace(self.prepared, aside=aside.begun())
            self.quartet = Quartet(self.prepared, precision, device, oracle or device)
            self.weights, self.original = judged_weights(self.prepared, weights, given), weights.original
        else:
            self.weights, self.original = None, NOT_ASKED.original
            with on_mesh(mesh):
                prepared = prepare_recorded(pair, record)
            self.prepared = prepared.on(mesh, record.entering(()).batches[0]) if mesh else prepared
            side = partial(recorded_side, record, self.prepared)
            self.quartet = Quartet(self.prepared, record.precision, device, oracle or device, side)

    def entering(self) -> Entering:
        """What enters both sides: weights and batches, all from one seed."""
        if self.record:
            return self.record.entering(self.prepared.buffers)
        steps = self.plan.steps if self.prepared.pair.optimizers else 1
        return self.prepared.enter(self.plan.seed, steps).at(self.quartet.precision)

    def verify(self, progress: Progress = say_nothing) -> PairReport:
        """Judge everything that the plan asks for."""
        if self.prepared.aside is not None:
            self.prepared.aside.at = lambda piece: progress(Within(piece))
        entering = self.entering()
        check_room(self.prepared.pair.name, entering)
        bitten, trajectory, beside = Teeth((), {}), None, list[str]()
        try:
            learnt = self.learn(entering, progress)
            outcomes = [*learnt.outcomes]
            check_bounds(self.quartet, entering)
            few, of_few = self.few_rows(entering, learnt, progress)
            outcomes += of_few
            beside += [in_words(entering, few)] if few else []
            beside += self._left_out(few or entering)
            for probe, mode, fed in self.probes(few or entering):
                progress(f"probe {probe}{IN_WORDS[mode]}")
                outcomes.append(self.probe(probe, mode, fed, learnt))
            by_hand = self.by_hand(entering, learnt, progress)
            steps, why = self.steps_or_why(entering, learnt, progress)
            beside += [why] if why else []
            rule = self.rule(entering, learnt, progress)
            if steps and self.record is None and self.prepared.aside is None:
                trajectory, why = self.envelope(entering, steps, progress)
                beside += [why] if why else []
            beside += said_of_by_module(self.prepared)
            if not self.plan.quick:
                bitten = self.teeth(entering, learnt, by_hand, steps, rule, progress, few, of_few)
        except SideError as error:  # on the pair's own batch
            told = error.__cause__ if isinstance(error.__cause__, WholeBatchError) else error
            pair = self.prepared.pair
            raise UsageError(f"pair {pair.name}: {told}{how_called(pair, str(told))}") from error
        report = self.report(entering, outcomes, by_hand, steps, bitten, trajectory, beside, rule)
        if self.plan.locate and self.record is None and report.verdict is not Verdict.MATCH:
            from compare.explain.by_piece.explain_pieces import explain_by_piece
            from compare.explain.explain import explain_pair
            from compare.explain.failed_run import FailedRun

            suspects = [
                FailedRun(one.probe, one.mode, one.entering, one.judged or Judged({}))
                for one in outcomes
                if one.failing
            ]
            if self.prepared.aside is not None:
                explanation = explain_by_piece(self.quartet, suspects, progress)
            else:
                explanation = explain_pair(self.quartet, entering, suspects, steps, progress)
            if explanation.first is None and not suspects and rule is not None:
                from compare.verification.rule_explained import explain_rule

                progress("why the update rule differs")
                explanation = replace(explain_rule(self.quartet, entering, rule), notes=explanation.notes)
            return replace(report, explanation=explanation)
        return report

    def learn(self, entering: Entering, progress: Progress = say_nothing) -> Learnt:
        """The first stage: what the pair's own batch shows in every mode."""
        return learn(self.quartet, entering, self.plan, progress)

    def few_rows(
        self, entering: Entering, learnt: Learnt, progress: Progress = say_nothing
    ) -> tuple[Entering | None, list[Outcome]]:
        """Of a large model, what enters with few rows, for probes and mutants, and how it was judged; None where all
        rows are needed."""
        few = None if self.plan.quick else few_rows(self.quartet, entering)
        if few is None:
            return None, []
        progress(f"probe {FEW_ROWS}")
        of_few = [self.probe(FEW_ROWS, mode, few, learnt) for mode in self.prepared.modes]
        return (few, of_few) if are_taken(of_few, learnt.outcomes) else (None, [])

    def probes(self, entering: Entering) -> Iterator[tuple[str, Mode, Entering]]:
        """Every probe of the batch in every mode, with what enters there."""
        plan, precision = self.plan, self.quartet.precision
        for probe, batch in probed(entering.batches[0], precision, plan.seed, plan.all_probes, plan.quick).items():
            if self._not_spread(batch, entering.batches[0]):
                continue
            fed = replace(entering, batches=(batch.at(precision),))
            yield from ((probe, mode, fed) for mode in self.prepared.modes if probe != BASE)

    def _not_spread(self, batch: Batch, own: Batch) -> bool:
        """Whether a probe has no rows, or a number of them that the mesh does not divide, and the pair's own batch has
        not: a port that spreads its rows by itself does not stand it."""
        parts = self.prepared.layout.most_row_parts if self.prepared.layout else 1
        return parts > 1 and not own.rows % parts and (not batch.rows or bool(batch.rows % parts))

    def _left_out(self, entering: Entering) -> Iterator[str]:
        """A notice of the probes that are not spread."""
        if self.prepared.layout is None:
            return
        plan, own = self.plan, entering.batches[0]
        every = probed(own, self.quartet.precision, plan.seed, plan.all_probes, plan.quick)
        names = [probe for probe, batch in every.items() if self._not_spread(batch, own)]
        if names:
            yield f"probes left out, whose rows {self.prepared.layout.axes} does not divide: {', '.join(names)}"

    def probe(self, probe: str, mode: Mode, fed: Entering, learnt: Learnt) -> Outcome:
        """Outputs, gradients and statistics on one probe in one mode."""
        return judge_probe(self.quartet, fed, probe, mode, learnt.context(mode), self.plan)

    def by_hand(self, entering: Entering, learnt: Learnt, progress: Progress = say_nothing) -> list[Quantity]:
        """Each framework against the derivation by hand, itself run at the working precision and in float64."""
        mode = self.prepared.modes[0]
        context = learnt.context(mode)
        if self.prepared.pair.by_hand is None or context.no_oracle:
            return []
        progress("the backward pass by hand")
        quartet = self.quartet.within(context)
        t, j, t64, j64 = quartet.run(entering, mode)
        hand, hand_64 = quartet.run_by_hand(entering)
        return [
            Quantity(f"by_hand/{side}/{name}", "by_hand", BASE, judgement)
            for side, at_p, at_64 in (("reference", t, t64), ("port", j, j64))
            for name, judgement in quartet.judge(hand, at_p, hand_64, at_64, context.sizes(entering)).items()
        ]

    def steps(self, entering: Entering, learnt: Learnt, progress: Progress = say_nothing) -> Judged | None:
        """The training steps; None where there are none, or where no mode could be compared."""
        recorded = self.record is None or bool(self.record.facts["has_optimizers"])
        if not (self.prepared.pair.optimizers and learnt.contexts and recorded):
            return None
        progress("training steps")
        context = learnt.context(self.prepared.modes[0])
        if context.noise.drawn:  # the first step's numbers are in all that follows
            return None
        entering = followed(entering, progress)
        runs = reference_runs(self.quartet, entering, STEPS, context)
        return judge_port(self.quartet, entering, STEPS, *runs, context)

    def steps_or_why(
        self, entering: Entering, learnt: Learnt, progress: Progress = say_nothing
    ) -> tuple[Judged | None, str]:
        """``steps``; or None, and why an update cannot be computed piece by piece."""
        try:
            return self.steps(entering, learnt, progress), ""
        except UncutError as error:
            swallowed(error)
            return None, f"updates not compared: {error}"

    def rule(self, entering: Entering, learnt: Learnt, progress: Progress = say_nothing) -> UpdateRule | None:
        """The update rule apart from the model; None without optimizers, or where no mode could be compared."""
        if self.prepared.pair.optimizers is None or not learnt.contexts:
            return None
        if self.record:
            return ON_RECORD
        from compare.verification.update_rule import judge_update_rule  # which runs torch: a record needs none

        progress("the update rule")
        return judge_update_rule(self.quartet, entering, self.plan.seed)

    def envelope(
        self, entering: Entering, steps: Judged, progress: Progress = say_nothing
    ) -> tuple[Envelope | None, str]:
        """The noise envelope; None, and why, where the reference does not stand what is disturbed."""
        progress("the noise envelope")
        try:
            return envelope(self.quartet, entering, steps.reference, steps.port), ""
        except SideError as error:
            swallowed(error)
            return None, f"no noise envelope: beside the batch, {error}"

    def teeth(
        self,
        entering: Entering,
        learnt: Learnt,
        by_hand: Sequence[Quantity],
        steps: Judged | None,
        rule: UpdateRule | None = None,
        progress: Progress = say_nothing,
        few: Entering | None = None,
        of_few: Sequence[Outcome] = (),
    ) -> Teeth:
        """What mutants of what enters show, of what was judged by oracles: without them too little could show. Where
        there are ``few`` rows, judged as ``of_few`` says, the modes' mutants are made of those."""
        contexts = {what: context for what, context in learnt.contexts.items() if not context.no_oracle}
        quantities = [*by_hand]
        quantities += [
            quantity
            for outcome in of_few or learnt.outcomes
            if outcome.mode in contexts
            for quantity in outcome.quantities
        ]
        if steps and not steps.no_oracle:
            contexts[STEPS] = Context(steps.oracles)
            quantities += _quantities(steps)
        quantities += rule.quantities if rule else ()
        return (
            teeth(self.quartet, entering, quantities, contexts, self.plan.seed, progress, few)
            if contexts
            else Teeth((), {})
        )

    def report(
        self,
        entering: Entering,
        outcomes: Sequence[Outcome],
        by_hand: Sequence[Quantity],
        steps: Judged | None,
        bitten: Teeth,
        trajectory: Envelope | None = None,
        beside: Sequence[str] = (),
        rule: UpdateRule | None = None,
    ) -> PairReport:
        """What all stages found, put together."""
        quantities = [
            *(quantity for outcome in outcomes for quantity in outcome.quantities),
            *by_hand,
            *_quantities(steps),
            *(rule.quantities if rule else ()),
        ]
        covered = covered_by(self.quartet, entering, outcomes, quantities)
        # An optimizer's own arithmetic (optax raises its betas to powers in float32) is no policy of the model's.
        # JAX on the CPU flushes a subnormal input to zero, so that all its bits are lost whatever the model computes.
        rows = (
            (quantity.name, quantity.probe, quantity.judgement)
            for quantity in quantities
            if quantity.probe != SUBNORMAL and quantity.kind != RULE_KIND
        )
        flag = precision_flag(rows, self.quartet.precision, self.prepared.pair.smooth)
        pair, prepared = self.prepared.pair, self.prepared
        entries = prepared.weight_map.entries
        loader = tuple(loader_notices(entries, prepared.shapes, prepared.leaves, self.original))
        return PairReport(
            pair=pair.name,
            title=pair.title or title_of(pair),
            verdict=verdict_of(quantities, covered),
            device=self.quartet.device.name,
            dtype=self.quartet.precision.name,
            quantities=tuple(quantities),
            precision=flag,
            coverage=covered,
            teeth=bitten,
            weight_map=tuple(self.prepared.weight_map.explain()),
            notices=(
                *loader,
                *notices(self.quartet, self.plan, quantities, outcomes, steps, flag, bitten, beside),
            ),
            envelope=trajectory,
            lowered=next((one.lowering.both for one in judged_in(outcomes, steps) if one.lowering), ""),
            update_rule=rule,
            loader=loader,
            weights=self.weights,
            mesh=mesh_report(self.quartet, entering),
        )


def _quantities(steps: Judged | None) -> list[Quantity]:
    judgements = steps.judgements if steps else {}
    return [Quantity(name, kind_of_quantity(name), BASE, one) for name, one in judgements.items()]


def verify(
    pair: Pair,
    device: Device,
    precision: Precision = FLOAT32,
    plan: Plan = BY_DEFAULT,
    oracle: Device | None = None,
    progress: Progress = say_nothing,
    record: ReferenceRecord | None = None,
    weights: WeightsAsked = NOT_ASKED,
    mesh: BuiltMesh | None = None,
    aside: Aside | None = None,
) -> PairReport:
    """Judge ``pair`` on ``device``, its oracles on ``oracle`` (by default the same device).

    With ``record`` the reference is not run: its runs are looked up, and precision and plan are those of the record.
    ``weights``: what is asked of the weights that the models or files come with. ``mesh``: what the port is run on, in
    the place of one device. ``aside``: in bounded memory, a piece of the model at a time, what is not needed at the
    moment lies there.

    Raises:
        UsageError: the comparison could not start: the weight map does not fit, or a model itself raises.
    """
    progress("the weight map")
    return Session(pair, device, precision, plan, oracle, record, weights, mesh, aside).verify(progress)


def title_of(pair: Pair) -> str:
    """What a report says beside the name of a pair that has no title: what the two models are called."""

    def kind(model: Any) -> str:
        model = model[0] if isinstance(model, tuple) else model
        return model.__name__ if hasattr(model, "__name__") else type(model).__name__

    return f"{kind(pair.reference)} in PyTorch, {kind(pair.port)} in JAX"
