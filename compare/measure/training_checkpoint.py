"""A training run on the disk: after each epoch all that its next steps depend on, in one file that appears whole.

The file is a NumPy archive by the checkpoints' own writer: a kill at any moment leaves the old one or the new one. What
was run is written into it, and a run that is another one is refused before it starts.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compare.arrays.images import Images
from compare.checkpoints import files
from compare.checkpoints.checkpoint import Checkpoint
from compare.errors import UsageError, swallowed
from compare.measure.carried import to_port, to_reference
from compare.measure.training import Progress
from compare.measure.trajectory import Epoch, GateFlip, Step, TrainingPlan
from compare.pair.pair import Pair
from compare.verdict.thresholds import LOSSES_TOGETHER
from compare.verdict.verdict import Verdict

FORM = "jaxport-training-2"


def identity(pair: Pair, images: Images, plan: TrainingPlan, recipe: str, device: str) -> dict[str, str]:
    """What two runs must share for the one to go on where the other stopped, in the words of the command line."""
    data = zlib.crc32(
        b"".join(np.ascontiguousarray(one).tobytes() for one in (images.train_images, images.train_labels))
    )
    shapes = ", ".join(f"{name} {tuple(one.shape)}" for name, one in pair.reference.named_parameters())
    return {
        "form": FORM,
        "the pair": pair.name,
        "the model": shapes,
        "--recipe": recipe or "none",
        "--data": f"{images.name} ({len(images.train_labels)} images, {data:08x})",
        "--batch": str(plan.batch),
        "--seed": str(plan.seed),
        # A recipe's schedule knows its end; without one a run may go on for longer.
        "--epochs": str(plan.epochs) if recipe else "any",
        "--device": device,
    }


@dataclass(frozen=True)
class TrainingCheckpoint:
    """A run's file.

    Attributes:
        identity: what was run, by ``identity``.
        resume: "reference" or "port", whose state both sides go on from; "both": each from its own.
    """

    path: Path
    identity: Mapping[str, str]
    resume: str = "both"
    _left: list[tuple[int, int]] = field(default_factory=list)  # the file as this run wrote or read it last

    def keep(self, progress: Progress) -> None:
        """Write where a run stands.

        Raises:
            UsageError: it cannot be written, or another run has written it meanwhile.
        """
        if (there := _standing(self.path)) and there not in self._left:
            raise UsageError(
                f"{self.path}: another run has written it meanwhile, and is not written over: give each run a file "
                f"of its own (this one stops after {len(progress.epochs)} of its epochs)"
            )
        arrays = {
            f"{name}/{key}": array for name, run in progress.runs.by_name().items() for key, array in run.held().items()
        }
        arrays["losses"] = np.array(progress.losses[-LOSSES_TOGETHER:], np.float64)
        found = {
            "rng": progress.rng.bit_generator.state,
            "steps": [asdict(one) for one in progress.steps],
            "epochs": [asdict(one) for one in progress.epochs],
            "first_flip": _or_none(progress.first_flip),
            "first_departure": _or_none(progress.first_departure),
            "first_failure": progress.first_failure,
        }
        metadata = {"identity": json.dumps(dict(self.identity)), "found": json.dumps(found)}
        files.write(self.path, Checkpoint("reference", "npz", arrays, metadata))
        self._left[:] = [*filter(None, [_standing(self.path)])]

    def bring(self, progress: Progress) -> None:
        """Bring a run that has not begun to where the file stands.

        Raises:
            UsageError: one line: the file is damaged, no such checkpoint, or another run's.
        """
        self._left[:] = [*filter(None, [_standing(self.path)])]
        there = files.read(self.path)
        try:
            ran = json.loads(there.metadata["identity"])
            found = json.loads(there.metadata["found"])
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"{self.path}: is no checkpoint of a training run: expected one by --checkpoint"
            ) from error
        self._check(ran)
        try:
            _fill(progress, there.arrays, found)
        except Exception as error:  # whatever a framework says of a state that is not its own
            swallowed(error)
            reason = " ".join(str(error).split())[:120]
            raise UsageError(f"{self.path}: does not hold the state of this run ({reason})") from error
        runs, count = progress.runs, len(progress.steps)
        if self.resume == "reference":
            to_port(runs.reference_32, runs.port_32, count)
            to_port(runs.reference_64, runs.port_64, count)
        elif self.resume == "port":
            to_reference(runs.port_32, runs.reference_32)
            to_reference(runs.port_64, runs.reference_64)
        runs.look()

    def _check(self, ran: Mapping[str, Any]) -> None:
        if ran.get("form") != FORM:
            raise UsageError(f"{self.path}: was written by another version of jaxport train: begin anew")
        for what, now in self.identity.items():
            if ran.get(what) != now:
                raise UsageError(
                    f"{self.path}: is of another run: {what} was {ran.get(what)}, and is {now} now: expected the same"
                )


def _standing(path: Path) -> tuple[int, int] | None:
    """Which file lies there, and when it was written; None where none does."""
    try:
        found = path.stat()
    except OSError as error:
        swallowed(error)  # whoever reads or writes it says so
        return None
    return found.st_ino, found.st_mtime_ns


def _fill(progress: Progress, arrays: Mapping[str, np.ndarray], found: Mapping[str, Any]) -> None:
    for name, run in progress.runs.by_name().items():
        own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
        run.go_on(own)
    progress.losses[:] = [list(row) for row in arrays["losses"]]
    progress.steps[:] = [Step(**{**one, "verdict": Verdict(one["verdict"])}) for one in found["steps"]]
    progress.epochs[:] = [Epoch(**one) for one in found["epochs"]]
    progress.first_flip, progress.first_departure = (
        GateFlip(**found[key]) if found[key] else None for key in ("first_flip", "first_departure")
    )
    progress.first_failure = str(found["first_failure"])
    progress.rng.bit_generator.state = found["rng"]


def _or_none(flip: GateFlip | None) -> dict[str, Any] | None:
    return asdict(flip) if flip else None
