"""The reference run alone, on everything that the judge will ask for: what ``jaxport verify --record`` does.

The pair's own batch, the probes and their neighbours, and the training steps, each at the working precision, in
float64, and with promoted float64; and of the re-runs nearby, which stand in for a model that cannot run in float64,
how far they deviate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.aside import Aside
from compare.arrays.probes import nearby, probed
from compare.errors import UsageError, swallowed
from compare.frameworks.devices import Device
from compare.frameworks.islands.rounding_form import form_of_book
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.references import ReferenceModel
from compare.pair.accepted import matches
from compare.pair.drawing import drawn
from compare.pair.pair import Entering, Pair
from compare.sides.nearby import deviations
from compare.sides.plan import Plan
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import ORACLE, PROMOTED, WORKING
from compare.sides.record_file import NEARBY, SCHEMA, ReferenceRecord, form_of, key_of
from compare.sides.side import STEPS, Result, Side, SideError, What
from compare.verdict.precision import Precision
from compare.weights.entry import Sum

RUNNING = ("running_mean", "running_var")  # the buffers that are no constants, whatever port there will be


@dataclass(frozen=True)
class Alone:
    """A reference made ready to be recorded without its port: what ``Prepared`` is to a live side."""

    pair: Pair
    reference: ReferenceModel
    summed: tuple[Sum, ...]
    aside: Aside | None = None

    @property
    def buffers(self) -> tuple[str, ...]:
        return tuple(self.reference.buffers)

    constants = buffers

    @property
    def modes(self) -> tuple[Mode, ...]:
        return (True, False) if self.reference.has_mode else (None,)


def take(
    pair: Pair, device: Device, precision: Precision, plan: Plan, oracle: Device, progress: Progress = say_nothing
) -> ReferenceRecord:
    """Run the reference of ``pair`` on everything that the judge will ask for.

    Args:
        device, oracle: where the working precision and float64 run.
        plan: of the verdict to come.

    Raises:
        UsageError: the pair has no reference, or it raises on the pair's own batch.
    """
    from compare.pair.adapters import adapted_reference
    from compare.weights.mapping.gates import summed_biases
    from compare.weights.mapping.torch_trace import program_of

    if pair.reference is None:
        raise UsageError(f"pair {pair.name}: there is no reference to record")
    # A function has no shapes of its own: they are those of the weights that it is given.
    given = pair.draw_weights(np.random.default_rng(plan.seed)) or {}
    reference = ReferenceModel(pair.reference, given or None)
    # What a port may lack keeps its value and is not trained, as beside a port that lacks it.
    accepted = [name for name in reference.parameters if matches(name, pair.accept)]
    reference.hold(accepted)
    every = reference.parameters | reference.buffers
    steps = plan.steps if pair.training() else 1
    entering = drawn(
        pair,
        reference.state(),
        {name: shape for name, shape in every.items() if name not in accepted},
        still={*reference.buffers, *reference.frozen},
        seed=plan.seed,
        steps=steps,
        moving=lambda name: name in reference.parameters or name.rpartition(".")[2] in RUNNING,
        optional=reference.buffers,
    ).at(precision)
    batch = entering.batches[0]
    record = ReferenceRecord(_facts(pair, reference, entering, precision, plan, accepted), _entered(entering))
    program = program_of(reference.module, *adapted_reference(pair, batch))
    record.facts["program"] = program.to_form()
    sizes = {name: int(np.prod(shape)) for name, shape in program.weights.items()}
    ways = [(), *summed_biases(program.gates, sizes)]
    record.facts["rounded"] = _rounded(Alone(pair, reference, ()), entering, precision, device)
    said = ""
    for stage, what, fed, summed, which in _wanted(record, pair, reference, entering, plan, ways):
        if stage != said:
            progress(said := stage)
        alone = Alone(pair, reference, summed)
        _run(record, _side(alone, which, precision, device, oracle), what, fed, summed, which)
    return record


def _wanted(
    record: ReferenceRecord,
    pair: Pair,
    reference: ReferenceModel,
    entering: Entering,
    plan: Plan,
    ways: list[tuple[Sum, ...]],
) -> Iterator[tuple[str, What, Entering, tuple[Sum, ...], str]]:
    """The stage, what is run, what enters, and as what: the re-runs nearby too, since a port may have no float64 of
    its own."""
    precision = record.precision
    modes = Alone(pair, reference, ()).modes
    for probe, batch in probed(entering.batches[0], precision, plan.seed, plan.all_probes, plan.quick).items():
        stage = f"probe {probe}"
        own = replace(entering, batches=(batch.at(precision),))
        # The neighbours of the pair's own batch too, quick or not: a gradient that differs there may lie on a kink.
        around = [replace(entering, batches=(beside,)) for beside in nearby(own.batches[0], precision, plan.seed)]
        for mode in modes:
            for which in (WORKING, NEARBY, ORACLE, PROMOTED):
                yield stage, mode, own, (), which
        for beside in around:
            yield from (
                (f"probe {probe}", mode, beside, (), which) for mode in modes for which in (WORKING, ORACLE, PROMOTED)
            )
    for summed in ways if pair.optimizers else ():
        yield from (("training steps", STEPS, entering, summed, which) for which in (WORKING, NEARBY, ORACLE, PROMOTED))


def _rounded(alone: Alone, entering: Entering, precision: Precision, device: Device) -> dict[str, Any]:
    """By mode, what the reference rounds below the working precision."""
    from compare.sides.noting_reference import NotingReference

    rounded: dict[str, Any] = {}
    for mode in alone.modes:
        observed = NotingReference(alone, precision, device.torch)
        try:
            observed.run(entering, mode)
        except Exception as error:  # a model that raises; its recorded run says so
            swallowed(error)
        rounded[str(mode)] = form_of_book(observed.book)
    return rounded


def _side(alone: Alone, which: str, precision: Precision, device: Device, oracle: Device) -> Side:
    from compare.sides.reference import ReferenceSide
    from compare.verdict.precision import FLOAT64

    if which in (WORKING, NEARBY):
        return ReferenceSide(alone, precision, device.torch)
    return ReferenceSide(alone, FLOAT64, oracle.torch, promoted=which == PROMOTED)


def _run(record: ReferenceRecord, side: Side, what: What, fed: Entering, summed: tuple[Sum, ...], which: str) -> None:
    key = key_of(record.facts, which, what, fed, summed)
    runs = record.facts["runs"]
    if key in runs:
        return
    if which == NEARBY:
        own = runs[key_of(record.facts, WORKING, what, fed, summed)]
        if "raised" not in own:
            arrays = {name: record.arrays[place] for name, place in own["arrays"][0].items()}
            runs[key] = asdict(deviations(lambda beside: _result(side, what, beside), arrays, fed, record.precision))
        return
    try:
        result = _result(side, what, fed)
    except SideError as error:
        if not runs:
            raise UsageError(f"pair {record.facts['pair']}: {error}") from error.__cause__
        swallowed(error)
        runs[key] = {"raised": str(error)}
        return
    number = len(runs)
    places = {name: f"run{number}/0/{name}" for name in result}
    record.arrays |= {places[name]: np.asarray(array, order="C") for name, array in result.items()}
    runs[key] = {
        "arrays": [places],
        "dropouts": [asdict(dropout) for dropout in result.dropouts],
        "not_compared": list(result.not_compared),
        "inside": list(result.inside),
        "changed": list(result.changed),
        "variances": dict(result.variances),
    }


def _result(side: Side, what: What, fed: Entering) -> Result:
    try:
        return side.steps(fed) if what == STEPS else side.run(fed, what)
    except UsageError:
        raise
    except Exception as error:  # whatever a user's model raises is its own; it is named, not swallowed
        raise SideError("reference", error) from error


def _facts(
    pair: Pair,
    reference: ReferenceModel,
    entering: Entering,
    precision: Precision,
    plan: Plan,
    accepted: Sequence[str],
) -> dict[str, Any]:
    import torch

    batch = entering.batches[0]
    return {
        "schema": SCHEMA,
        "pair": pair.name,
        "title": pair.title,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "dtype": precision.name,
        "plan": asdict(plan),
        "has_loss": pair.loss is not None,
        "has_optimizers": pair.optimizers is not None,
        "parameters": {name: list(shape) for name, shape in reference.parameters.items()},
        "accepted": list(accepted),
        "buffers": {name: list(shape) for name, shape in reference.buffers.items()},
        "complex": sorted(reference.complex_names),
        "counters": reference.counters,
        "has_mode": reference.has_mode,
        "frozen": reference.frozen,
        "training": reference.training,
        "hyper": dict(entering.hyper),
        "batches": len(entering.batches),
        "inputs": list(batch.inputs),
        "targets": list(batch.targets),
        "bounds": {name: [int(low), int(high)] for name, (low, high) in batch.bounds.items()},
        "axes": dict(batch.axes) if isinstance(batch.axes, Mapping) else batch.axes,
        "form": None if batch.form is None else [form_of(list(batch.form[0])), form_of(batch.form[1])],
        "rounded": {},
        "runs": {},
    }


def _entered(entering: Entering) -> Arrays:
    arrays = {f"weight/{name}": array for name, array in entering.weights.items()}
    arrays |= {f"buffer/{name}": array for name, array in entering.buffers.items()}
    for number, batch in enumerate(entering.batches):
        arrays |= {f"batch{number}/input/{name}": array for name, array in batch.inputs.items()}
        arrays |= {f"batch{number}/target/{name}": array for name, array in batch.targets.items()}
    return arrays
