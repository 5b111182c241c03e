"""The reference's runs on record, so that the port can be judged later, on a machine without torch.

``take`` runs the reference alone, on every batch that the judge will ask for: the pair's own, the probes and their
neighbours, the training steps; at the working precision, in float64, and with promoted float64. A ``Recorded`` side
then answers from the record what a live one would compute. A run is known by what entered it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch, Slot
from compare.arrays.probes import nearby, probed
from compare.checkpoints.checkpoint import Checkpoint
from compare.errors import UsageError
from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering, Pair, moved
from compare.sides.quartet import ORACLE, PROMOTED, STEPS, WORKING, SideError, What
from compare.verdict.precision import WORKING as PRECISIONS
from compare.verdict.precision import Precision
from compare.weights.weights import Sum

SCHEMA = 1
Progress = Callable[[str], None]


@dataclass
class Record:
    """What was recorded.

    Attributes:
        facts: everything but arrays: names, shapes and modes of the reference, its program, the plan, one entry for
            each run.
        arrays: what entered, and what each run returned, by name.
    """

    facts: dict[str, Any]
    arrays: Arrays

    def save(self, path: Path) -> None:
        """Write it whole or not at all; an ``.npz`` that NumPy reads too."""
        from compare.checkpoints.files import write

        write(path, Checkpoint("reference", "npz", self.arrays, {"record": json.dumps(self.facts)}), "npz")

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read it back.

        Raises:
            UsageError: it is not there, is truncated, or is no record.
        """
        from compare.checkpoints.files import read

        if path.suffix != ".npz":
            raise UsageError(f"{path}: expected a record, an .npz that jaxport verify --record wrote")
        checkpoint = read(path)
        try:
            facts = json.loads(checkpoint.metadata["record"])
            if facts["schema"] != SCHEMA:
                raise UsageError(f"{path}: a record of schema {facts['schema']}, expected {SCHEMA}")
        except (KeyError, ValueError, TypeError) as error:
            raise UsageError(f"{path}: is no record that jaxport verify --record wrote") from error
        return cls(facts, checkpoint.arrays)

    @property
    def precision(self) -> Precision:
        return PRECISIONS[self.facts["dtype"]]

    def entering(self, buffers: tuple[str, ...]) -> Entering:
        """What entered the reference's runs; ``buffers`` are those that the port keeps too."""
        facts = self.facts
        return Entering(
            weights={
                name: self.arrays[f"weight/{name}"] for name in facts["parameters"] if name not in facts["frozen"]
            },
            buffers={name: self.arrays[f"buffer/{name}"] for name in (*buffers, *facts["frozen"])},
            batches=tuple(self._batch(number) for number in range(facts["batches"])),
            cotangent=1.0,
            hyper=facts["hyper"],
            seed=facts["plan"]["seed"],
            precision=self.precision,
        )

    def _batch(self, number: int) -> Batch:
        facts = self.facts
        prefix = f"batch{number}/"
        inputs = {name: self.arrays[f"{prefix}input/{name}"] for name in facts["inputs"]}
        targets = {name: self.arrays[f"{prefix}target/{name}"] for name in facts["targets"]}
        bounds = {name: (low, high) for name, (low, high) in facts["bounds"].items()}
        form = None if facts["form"] is None else (tuple(_unsaid(facts["form"][0])), _unsaid(facts["form"][1]))
        return Batch(inputs, targets, bounds, facts["axes"], form)


@dataclass
class RecordedSide:
    """The reference's side, from the record: what ``ReferenceSide`` would return for the same that enters."""

    record: Record
    which: str
    buffers: tuple[str, ...]
    constants: tuple[str, ...]
    summed: tuple[Sum, ...]
    dropouts: list[Dropout] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    variances: dict[str, tuple[float, float]] = field(default_factory=dict)

    def run(self, entering: Entering, mode: Mode = None) -> Arrays:
        arrays = self._look_up(entering, mode)[0]
        unwanted = {name for name in arrays if name.startswith("state/") and not self._keeps(name, mode)}
        return {name: array for name, array in arrays.items() if name not in unwanted}

    def steps(self, entering: Entering) -> list[Arrays]:
        flat = self._look_up(entering, STEPS)
        return [{name: array for name, array in step.items() if self._keeps(name, None)} for step in flat]

    def _keeps(self, name: str, mode: Mode) -> bool:
        if not name.startswith("state/"):
            return True
        return mode is not False and name.removeprefix("state/") in self.buffers

    def _look_up(self, entering: Entering, what: What) -> list[Arrays]:
        key = key_of(self.record.facts, self.which, what, entering, self.summed)
        entry = self.record.facts["runs"].get(key)
        if entry is None:
            raise UsageError(
                f"the record holds no {self.which} run of the reference for this ({what}): record it again with the "
                f"same version of jaxport and NumPy ({self.record.facts['numpy']} then, {np.__version__} now)"
            )
        if "raised" in entry:
            raise RecordedError(entry["raised"])
        self.dropouts = [
            Dropout(one["index"], tuple(one["shape"]), one["rate"], one["where"]) for one in entry["dropouts"]
        ]
        self.not_compared, self.inside = entry["not_compared"], entry["inside"]
        self.changed = [name for name in entry["changed"] if name in self.constants]
        self.variances = {name: (momentum, count) for name, (momentum, count) in entry["variances"].items()}
        return [{name: self.record.arrays[at] for name, at in step.items()} for step in entry["arrays"]]


def recorded_side(record: Record, prepared: Any, which: str) -> RecordedSide:
    """The reference's side for ``which`` of its runs."""
    return RecordedSide(record, which, prepared.buffers, prepared.constants, prepared.summed)


class RecordedError(Exception):
    """What the reference raised when it was recorded."""


@dataclass(frozen=True)
class Alone:
    """A reference made ready to be recorded without its port: what ``Prepared`` is to a live side."""

    pair: Pair
    reference: Any
    summed: tuple[Sum, ...]

    @property
    def buffers(self) -> tuple[str, ...]:
        return tuple(self.reference.buffers)

    constants = buffers

    @property
    def modes(self) -> tuple[Mode, ...]:
        return (True, False) if self.reference.has_mode else (None,)


def take(
    pair: Pair, device: Any, precision: Precision, plan: Any, oracle: Any, progress: Progress = lambda text: None
) -> Record:
    """Run the reference of ``pair`` on everything that the judge will ask for.

    Args:
        device, oracle: where the working precision and float64 run.
        plan: the ``compare.verification.verification.Plan`` of the verdict to come.

    Raises:
        UsageError: the pair has no reference, or it raises on the pair's own batch.
    """
    from compare.frameworks.models.references import ReferenceModel
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
    for what, fed, summed, which in _wanted(pair, reference, entering, precision, plan, ways):
        progress(f"recording the reference: {which}")
        alone = Alone(pair, reference, summed)
        _run(record, _side(alone, which, precision, device, oracle), what, fed, summed, which)
    return record


def _wanted(
    pair: Pair, reference: Any, entering: Entering, precision: Precision, plan: Any, ways: list[tuple[Sum, ...]]
) -> Iterator[tuple[What, Entering, tuple[Sum, ...], str]]:
    modes = (True, False) if reference.has_mode else (None,)
    for batch in probed(entering.batches[0], precision, plan.seed, plan.all_probes, plan.quick).values():
        own = replace(entering, batches=(batch.at(precision),))
        around = [] if plan.quick else list(nearby(own.batches[0], precision, plan.seed))
        for fed in [own, *(replace(entering, batches=(one,)) for one in around)]:
            for mode in modes:
                for which in (WORKING, ORACLE, PROMOTED):
                    yield mode, fed, (), which
    if pair.optimizers:
        for summed in ways:
            for which in (WORKING, ORACLE, PROMOTED):
                yield STEPS, entering, summed, which


def _side(alone: Any, which: str, precision: Precision, device: Any, oracle: Any) -> Any:
    from compare.sides.reference import ReferenceSide
    from compare.verdict.precision import FLOAT64

    if which == WORKING:
        return ReferenceSide(alone, precision, device.torch)
    return ReferenceSide(alone, FLOAT64, oracle.torch, promoted=which == PROMOTED)


def _run(record: Record, side: Any, what: What, fed: Entering, summed: tuple[Sum, ...], which: str) -> None:
    key = key_of(record.facts, which, what, fed, summed)
    if key in record.facts["runs"]:
        return
    try:
        made = side.steps(fed) if what == STEPS else [side.run(fed, what)]
    except UsageError:
        raise
    except Exception as error:
        told = SideError("reference", error)
        if not record.facts["runs"]:
            raise UsageError(f"pair {record.facts['pair']}: {told}") from error
        record.facts["runs"][key] = {"raised": str(told)}
        return
    number = len(record.facts["runs"])
    places: list[dict[str, str]] = []
    for step, arrays in enumerate(made):
        places.append({name: f"run{number}/{step}/{name}" for name in arrays})
        record.arrays |= {places[-1][name]: np.asarray(array, order="C") for name, array in arrays.items()}
    record.facts["runs"][key] = {
        "arrays": places,
        "dropouts": [asdict(one) for one in side.dropouts],
        "not_compared": side.not_compared,
        "inside": side.inside,
        "changed": side.changed,
        "variances": side.variances,
    }


def key_of(facts: Mapping[str, Any], which: str, what: What, entering: Entering, summed: tuple[Sum, ...]) -> str:
    """A run's key: what is run, and a digest of what enters it but for the weights, which are the record's own."""
    said = what if what == STEPS or facts["has_mode"] else None
    hashed = hashlib.blake2b(digest_size=16)
    for batch in entering.batches if what == STEPS else entering.batches[:1]:
        for name, array in (batch.inputs | batch.targets).items():
            hashed.update(f"{name} {array.dtype} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
    parts = [which, str(said), hashed.hexdigest(), repr(entering.cotangent)]
    return " ".join([*parts, _frozen(summed, facts["parameters"])] if what == STEPS else parts)


def _frozen(summed: tuple[Sum, ...], shapes: Mapping[str, Any]) -> str:
    """Which entries of which parameters are collected in which others, however the views are cut."""
    masks: dict[tuple[str, str], np.ndarray] = {}
    for one in summed:
        kept = one.kept(tuple(shapes[one.second]))
        masks[(one.first, one.second)] = masks.get((one.first, one.second), 1.0) * kept
    return repr(
        [
            (names, hashlib.blake2b(mask.tobytes(), digest_size=8).hexdigest())
            for names, mask in sorted(masks.items(), key=lambda one: one[0])
        ]
    )


def _facts(pair: Pair, reference: Any, entering: Entering, precision: Precision, plan: Any) -> dict[str, Any]:
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
        "form": None if batch.form is None else [_said(list(batch.form[0])), _said(batch.form[1])],
        "runs": {},
    }


def _entered(entering: Entering) -> Arrays:
    arrays = {f"weight/{name}": array for name, array in entering.weights.items()}
    arrays |= {f"buffer/{name}": array for name, array in entering.buffers.items()}
    for number, batch in enumerate(entering.batches):
        arrays |= {f"batch{number}/input/{name}": array for name, array in batch.inputs.items()}
        arrays |= {f"batch{number}/target/{name}": array for name, array in batch.targets.items()}
    return arrays


def _said(item: Any) -> Any:
    """A call's form as JSON holds it."""
    if isinstance(item, Slot):
        return {"slot": item.name}
    if isinstance(item, Mapping):
        return {"dict": {str(key): _said(inner) for key, inner in item.items()}}
    if isinstance(item, tuple | list):
        return {"tuple" if isinstance(item, tuple) else "list": [_said(inner) for inner in item]}
    if item is None or isinstance(item, bool | int | float | str):
        return {"is": item}
    raise UsageError(
        f"batch: a {type(item).__name__} among the inputs cannot be recorded: expected arrays and plain values"
    )


def _unsaid(item: Any) -> Any:
    ((kind, value),) = item.items()
    if kind == "slot":
        return Slot(value)
    if kind == "dict":
        return {key: _unsaid(inner) for key, inner in value.items()}
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(_unsaid(inner) for inner in value)
    return value
