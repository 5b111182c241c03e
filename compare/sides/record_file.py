"""The reference's runs on record, so that the port can be judged later, on a machine without torch.

A record holds what entered the reference and what each of its runs returned; a run is known by what entered it.
``record_taking`` makes one, ``record_pairing`` brings a port together with it, and ``record_side`` is the reference's
side that answers from it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch, Slot
from compare.checkpoints.checkpoint import Checkpoint
from compare.errors import UsageError
from compare.pair.pair import Entering
from compare.sides.side import STEPS, What
from compare.verdict.precision import PRECISIONS, Precision
from compare.weights.entry import Sum

SCHEMA = 3
NEARBY = "nearby"  # among what a side is run as: its re-runs nearby, of which only the deviations are kept

Facts = dict[str, Any]  # as JSON holds them


@dataclass
class ReferenceRecord:
    """What was recorded.

    Attributes:
        facts: everything but arrays: names, shapes and modes of the reference, its program, the plan, one entry for
            each run.
        arrays: what entered, and what each run returned, by name.
    """

    facts: Facts
    arrays: Arrays

    def save(self, path: Path) -> None:
        """Write it whole or not at all; an ``.npz`` that NumPy reads too."""
        from compare.checkpoints.files import write

        write(path, Checkpoint("reference", "npz", self.arrays, {"record": json.dumps(self.facts)}), "npz")

    @classmethod
    def load(cls, path: Path) -> "ReferenceRecord":
        """Read it back.

        Raises:
            UsageError: it is not there, is truncated, or is no record.
        """
        from compare.checkpoints.files import metadata, read

        if path.suffix != ".npz":
            raise UsageError(f"{path}: expected a record, an .npz that jaxport verify --record wrote")
        try:
            facts = json.loads(metadata(path)["record"])
            if facts["schema"] != SCHEMA:
                raise UsageError(f"{path}: a record of schema {facts['schema']}, expected {SCHEMA}")
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise UsageError(f"{path}: is no record that jaxport verify --record wrote") from error
        return cls(facts, dict(read(path).arrays))

    @property
    def precision(self) -> Precision:
        return PRECISIONS[self.facts["dtype"]]

    def entering(self, buffers: tuple[str, ...]) -> Entering:
        """What entered the reference's runs; ``buffers`` are those that the port keeps too."""
        facts = self.facts
        apart = {*facts["frozen"], *facts.get("accepted", ())}
        return Entering(
            weights={name: self.arrays[f"weight/{name}"] for name in facts["parameters"] if name not in apart},
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


def key_of(facts: Facts, which: str, what: What, entering: Entering, summed: tuple[Sum, ...]) -> str:
    """A run's key: what is run, and a digest of the batches that enter it; the weights are always the record's own."""
    mode = what if what == STEPS or facts["has_mode"] else None
    hashed = hashlib.blake2b(digest_size=16)
    for batch in entering.batches if what == STEPS else entering.batches[:1]:
        for name, array in (batch.inputs | batch.targets).items():
            hashed.update(f"{name} {array.dtype} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
    parts = [which, str(mode), hashed.hexdigest(), repr(entering.cotangent)]
    return " ".join([*parts, _frozen(summed, facts["parameters"])] if what == STEPS else parts)


def _frozen(summed: tuple[Sum, ...], shapes: Mapping[str, list[int]]) -> str:
    """Which entries of which parameters are collected in which others, however the views are cut."""
    masks: dict[tuple[str, str], np.ndarray] = {}
    for pair in summed:
        kept = pair.kept(tuple(shapes[pair.second]))
        masks[(pair.first, pair.second)] = masks.get((pair.first, pair.second), 1.0) * kept
    return repr(
        [
            (names, hashlib.blake2b(mask.tobytes(), digest_size=8).hexdigest())
            for names, mask in sorted(masks.items(), key=lambda pair: pair[0])
        ]
    )


def form_of(item: object) -> object:
    """A call's form as JSON holds it."""
    if isinstance(item, Slot):
        return {"slot": item.name}
    if isinstance(item, Mapping):
        return {"dict": {str(key): form_of(inner) for key, inner in item.items()}}
    if isinstance(item, tuple | list):
        return {"tuple" if isinstance(item, tuple) else "list": [form_of(inner) for inner in item]}
    if item is None or isinstance(item, bool | int | float | str):
        return {"is": item}
    raise UsageError(
        f"batch: a {type(item).__name__} among the inputs cannot be recorded: expected arrays and plain values"
    )


def _unsaid(item: Facts) -> Any:
    ((kind, value),) = item.items()
    if kind == "slot":
        return Slot(value)
    if kind == "dict":
        return {key: _unsaid(inner) for key, inner in value.items()}
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(_unsaid(inner) for inner in value)
    return value
