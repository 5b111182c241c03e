"""The reference run alone, on everything that the judge will ask for: what ``jaxport verify --record`` does.

The pair's own batch, the probes and their neighbours, and the training steps, each at the working precision, in
float64, and with promoted float64; of a reference that cannot run in float64, the re-runs that stand in for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.probes import nearby, probed
from compare.errors import UsageError, swallowed
from compare.frameworks.devices import Device
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.references import ReferenceModel
from compare.pair.pair import Entering, Pair, moved
from compare.sides.nearby import reruns
from compare.sides.plan import Plan
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import ORACLE, PROMOTED, WORKING
from compare.sides.records import SCHEMA, Record, digest_of, form_of, key_of
from compare.sides.side import STEPS, Side, SideError, What
from compare.verdict.precision import Precision
from compare.weights.weights import Sum


@dataclass(frozen=True)
class Alone:
    """A reference made ready to be recorded without its port: what ``Prepared`` is to a live side."""

    pair: Pair
    reference: ReferenceModel
    summed: tuple[Sum, ...]

    @property
    def buffers(self) -> tuple[str, ...]:
        return tuple(self.reference.buffers)

    constants = buffers

    @property
    def modes(self) -> tuple[Mode, ...]:
        return (True, False) if self.reference.has_mode else (None,)


def take(
    pair: Pair, device: Device, precision: Precision, plan: Plan, oracle: Device, progress: Progress = say_nothing
) -> Record:
    """Run the reference of ``pair`` on everything that the judge will ask for.

    Args:
        device, oracle: where the working precision and float64 run.
        plan: of the verdict to come.

    Raises:
        UsageError: the pair has no reference, or it raises on the pair's own batch.
    """
    from compare.pair.prepare import adapted_reference
    from compare.weights.mapping.gates import summed_biases
    from compare.weights.mapping.torch_trace import program_of

    if pair.reference is None:
        raise UsageError(f"pair {pair.name}: there is no reference to record")
    rng = np.random.default_rng(plan.seed)
    given = pair.weights(rng) if pair.weights else None
    shapes = {name: tuple(array.shape) for name, array in given.items()} if given else None
    reference = ReferenceModel(pair.reference, shapes)
    running = [name for name in reference.buffers if name.rpartition(".")[2] in ("running_mean", "running_var")]
    own = given or reference.state()
    arrays = {
        name: array if given else moved(array, rng) for name, array in own.items() if name in reference.parameters
    }
    buffers = {
        name: moved(array, rng) if name in running else array
        for name, array in own.items()
        if name in reference.buffers
    }
    training = pair.training()
    steps = plan.steps if training else 1
    buffers |= {name: arrays.pop(name) for name in reference.frozen}
    entering = Entering(
        arrays,
        tuple(pair.draw(rng) for _ in range(steps)),
        1.0,
        dict(training.hyper) if training else {},
        buffers,
        plan.seed,
    ).at(precision)
    batch = entering.batches[0]
    record = Record(_facts(pair, reference, entering, precision, plan), _entered(entering))
    program = program_of(reference.module, *adapted_reference(pair, batch))
    record.facts["program"] = program.to_form()
    sizes = {name: int(np.prod(shape)) for name, shape in program.weights.items()}
    ways = [(), *summed_biases(program.gates, sizes)]
    for what, fed, summed, which in _wanted(record, pair, reference, entering, plan, ways):
        progress(f"recording the reference: {which}")
        alone = Alone(pair, reference, summed)
        _run(record, _side(alone, which, precision, device, oracle), what, fed, summed, which)
    return record


def _wanted(
    record: Record,
    pair: Pair,
    reference: ReferenceModel,
    entering: Entering,
    plan: Plan,
    ways: list[tuple[Sum, ...]],
) -> Iterator[tuple[What, Entering, tuple[Sum, ...], str]]:
    """What is run, what enters, and as what. With the re-runs nearby where ``record`` says by then that the reference
    cannot run in float64: on the pair's own batch, and so on every probe, or in the training steps."""
    precision = record.precision
    modes = (True, False) if reference.has_mode else (None,)
    first = replace(entering, batches=entering.batches[:1])
    without: set[Mode] = set()  # the modes that have no oracle
    for batch in probed(entering.batches[0], precision, plan.seed, plan.all_probes, plan.quick).values():
        own = replace(entering, batches=(batch.at(precision),))
        # The neighbours of the pair's own batch too, quick or not: a gradient that differs there may lie on a kink.
        around = [
            replace(entering, batches=(moved_batch,)) for moved_batch in nearby(own.batches[0], precision, plan.seed)
        ]
        for fed in [own, *around]:
            for mode in modes:
                for which in (WORKING, ORACLE, PROMOTED):
                    yield mode, fed, (), which
        without |= {mode for mode in modes if _raised(record, mode, first)}
        for beside in reruns(own, precision) if without else ():
            yield from ((mode, beside, (), WORKING) for mode in modes if mode in without)
    if pair.optimizers:
        for summed in ways:
            for which in (WORKING, ORACLE, PROMOTED):
                yield STEPS, entering, summed, which
            if without or _raised(record, STEPS, entering, summed):
                yield from ((STEPS, beside, summed, WORKING) for beside in reruns(entering, precision))


def _raised(record: Record, what: What, entering: Entering, summed: tuple[Sum, ...] = ()) -> bool:
    """Whether the reference raised in float64, by what is on record."""
    return "raised" in record.facts["runs"].get(key_of(record.facts, ORACLE, what, entering, summed), {})


def _side(alone: Alone, which: str, precision: Precision, device: Device, oracle: Device) -> Side:
    from compare.sides.reference import ReferenceSide
    from compare.verdict.precision import FLOAT64

    if which == WORKING:
        return ReferenceSide(alone, precision, device.torch)
    return ReferenceSide(alone, FLOAT64, oracle.torch, promoted=which == PROMOTED)


def _run(record: Record, side: Side, what: What, fed: Entering, summed: tuple[Sum, ...], which: str) -> None:
    key = key_of(record.facts, which, what, fed, summed)
    if key in record.facts["runs"]:
        return
    try:
        result = side.steps(fed) if what == STEPS else side.run(fed, what)
    except UsageError:
        raise
    except Exception as error:
        raised = SideError("reference", error)
        if not record.facts["runs"]:
            raise UsageError(f"pair {record.facts['pair']}: {raised}") from error
        swallowed(error)
        record.facts["runs"][key] = {"raised": str(raised)}
        return
    number = len(record.facts["runs"])
    places = {name: f"run{number}/0/{name}" for name in result}
    record.arrays |= {places[name]: np.asarray(array, order="C") for name, array in result.items()}
    record.facts["runs"][key] = {
        "arrays": [places],
        "dropouts": [asdict(dropout) for dropout in result.dropouts],
        "not_compared": list(result.not_compared),
        "inside": list(result.inside),
        "changed": list(result.changed),
        "variances": dict(result.variances),
    }


def _facts(
    pair: Pair, reference: ReferenceModel, entering: Entering, precision: Precision, plan: Plan
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
        "buffers": {name: list(shape) for name, shape in reference.buffers.items()},
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
        "weights": digest_of(entering.weights),
        "runs": {},
    }


def _entered(entering: Entering) -> Arrays:
    arrays = {f"weight/{name}": array for name, array in entering.weights.items()}
    arrays |= {f"buffer/{name}": array for name, array in entering.buffers.items()}
    for number, batch in enumerate(entering.batches):
        arrays |= {f"batch{number}/input/{name}": array for name, array in batch.inputs.items()}
        arrays |= {f"batch{number}/target/{name}": array for name, array in batch.targets.items()}
    return arrays
