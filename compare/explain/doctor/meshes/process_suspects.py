"""Why several processes train another model than one does: how one process would have to run to train it, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.explain.doctor.meshes.rows_apart import STATE, Parts, rows_apart
from compare.explain.doctor.thresholds import LISTED
from compare.explain.locate.introduced import differs
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement

LOSS = "loss"
SUMMED = "each gradient is {} times that of one process: it is the sum over the processes, and not their mean"
AVERAGED = (
    "each gradient is 1/{} of that of one process: the loss is a sum over rows, and DistributedDataParallel averages: "
    "take the mean, or multiply by the number of processes"
)
NORM = "convert the model by torch.nn.SyncBatchNorm.convert_sync_batchnorm, which runs on GPUs"
OTHER = "gather there what the layer takes of all rows (torch.distributed.nn.functional.all_gather)"
SCALED = "scale each process's loss by its share of what counts, or drop what is left over of a batch"
GATHERED = "gather the outputs of all processes first (torch.distributed.nn.functional.all_gather)"

Taken = Sequence[Sequence[np.ndarray]]  # of each batch, the rows that each process takes


def named_cause(quartet: Quartet, entering: Entering, run: tuple[Result, Result], taken: Taken) -> str:
    """What, put into one process, makes it train as the processes did; empty where nothing that is known does.

    Rows that several take, or none, are read off, and need no such run.

    Args:
        run: the processes' steps, at the working precision and in float64.
    """
    for batch, own in zip(entering.batches, taken, strict=True):
        if text := wrong_rows(batch.rows, own):
            return text
    # Each process's rows one behind the other, as shards lie: which rows it has is its own sampler's.
    batches = [batch.taking(np.concatenate(own)) for batch, own in zip(entering.batches, taken, strict=True)]
    entering = replace(entering, batches=batches)
    for how, text, but in _ways(len(taken[0]), batches[0].rows, bool(run[0].variances)):
        if _closes(quartet, entering, how, run, but):
            return text
    return ""


def wrong_rows(rows: int, own: Sequence[np.ndarray]) -> str:
    """Which rows of a batch several processes take, or none; empty where each is one process's."""
    times = np.bincount(np.concatenate(own), minlength=rows)
    found = []
    if len(twice := np.flatnonzero(times > 1)):
        who = [f"{number}" for number, taken in enumerate(own) if twice[0] in taken]
        whose = f"processes {' and '.join(who)} both take" if len(who) > 1 else f"process {who[0]} takes twice"
        found.append(f"{whose} {_named(twice)} of {rows}")
    if len(left := np.flatnonzero(times == 0)):
        found.append(f"no process takes {_named(left)} of {rows}")
    return f"{', and '.join(found)}: give each process rows of its own, by its rank" if found else ""


def _named(rows: np.ndarray) -> str:
    if len(rows) == 1:
        return f"row {rows[0]}"
    if rows[-1] - rows[0] == len(rows) - 1:
        return f"rows {rows[0]} to {rows[-1]}"
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return f"rows {', '.join(map(str, rows[:LISTED]))}{more}"


def _ways(parts: int, rows: int, normalizes: bool) -> Iterator[tuple[InShards, str, str]]:
    """Each way, what it is, and of what name the quantities are that it leaves as they are.

    No dropout is among them: each process is dealt its rows of the whole batch's mask, whatever its own seed.
    """
    yield InShards(parts, every_factor=float(parts)), SUMMED.format(parts), LOSS
    yield InShards(parts, every_factor=1 / parts), AVERAGED.format(parts), LOSS
    words = Parts(parts, rows, "each process's", "", "one process", NORM, OTHER, SCALED, GATHERED)
    for suspect in rows_apart(words, normalizes):
        yield suspect.how, suspect.text, ""


def _closes(quartet: Quartet, entering: Entering, how: InShards, run: tuple[Result, Result], but: str) -> bool:
    at_p = ReferenceInShards(how, quartet.prepared, quartet.precision, quartet.device.torch)
    at_64 = ReferenceInShards(how, quartet.prepared, FLOAT64, quartet.oracle.torch, quartet.promoted)
    return _matches(quartet.judge(at_p.steps(entering), run[0], at_64.steps(entering), run[1]), but)


def _matches(judged: Mapping[str, Judgement], but: str = "") -> bool:
    own = {name: one for name, one in judged.items() if not (name.startswith(STATE) or (but and name.endswith(but)))}
    return not any(map(differs, own.values()))
