"""Why several processes train another model than one does: how one process would have to run to train it, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from compare.arrays.batch import Batch
from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.explain.locate.introduced import differs
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement

LOSS = "loss"
STATE = ("state/", "after/state/")  # which one of the processes keeps, and a mean of all stands for
MEAN_OF_MEANS = (
    "the step follows the mean of the processes' means, and they do not weigh alike (rows that {} does not divide, or "
    "that count for nothing): scale each process's loss by its share, or drop the rest of the batch"
)
APART = (
    "batch norm's statistics are those of each process's rows, where one process takes them of the whole batch: "
    "convert the model by torch.nn.SyncBatchNorm.convert_sync_batchnorm, which runs on GPUs"
)
ONE_MASK = "every process drops what the first one drops, since all draw from one seed: add the rank to it"
SUMMED = "each gradient is {} times that of one process: it is the sum over the processes, and not their mean"
AVERAGED = (
    "each gradient is 1/{} of that of one process: the loss is a sum over rows, and DistributedDataParallel averages: "
    "take the mean, or multiply by the number of processes"
)
WRONG_ROWS = "process {} takes the rows of process {}, and those of its own nobody takes"


def named_cause(quartet: Quartet, entering: Entering, run: tuple[Result, Result], parts: int) -> str:
    """What, put into one process, makes it train as the processes did; empty where nothing that is known does.

    Args:
        run: the processes' steps, at the working precision and in float64.
    """
    for how, text, but in _ways(parts):
        if _closes(quartet, entering, how, run, but):
            return text
    for batches, text in _rows(entering, parts):
        t, t64 = quartet.run_reference(replace(entering, batches=batches), STEPS)
        if _matches(quartet.judge(t, run[0], t64, run[1])):
            return text
    return ""


def _ways(parts: int) -> Iterator[tuple[InShards, str, str]]:
    """Each way, what it is, and of what name the quantities are that it leaves as they are."""
    yield InShards(parts, one_mask=True), ONE_MASK, ""
    yield InShards(parts, every_factor=float(parts)), SUMMED.format(parts), LOSS
    yield InShards(parts, every_factor=1 / parts), AVERAGED.format(parts), LOSS
    yield InShards(parts, scored_apart=True), MEAN_OF_MEANS.format(parts), ""
    yield InShards(parts, apart=True), APART, ""
    yield InShards(parts, apart=True, scored_apart=True), APART, ""


def _rows(entering: Entering, parts: int) -> Iterator[tuple[Sequence[Batch], str]]:
    """Every process in the place of every other one."""
    for own in range(parts):
        for other in range(parts):
            if own != other:
                yield _taking(entering, parts, own, other), WRONG_ROWS.format(own, other)


def _taking(entering: Entering, parts: int, own: int, other: int) -> Sequence[Batch]:
    batches = list[Batch]()
    for batch in entering.batches:
        each = -(-batch.rows // parts)
        rows = np.arange(batch.rows)
        theirs = rows[other * each : (other + 1) * each]
        mine = rows[own * each : (own + 1) * each]
        rows[own * each : (own + 1) * each] = theirs[: len(mine)] if len(theirs) >= len(mine) else mine
        batches.append(batch.taking(rows))
    return batches


def _closes(quartet: Quartet, entering: Entering, how: InShards, run: tuple[Result, Result], but: str) -> bool:
    at_p = ReferenceInShards(how, quartet.prepared, quartet.precision, quartet.device.torch)
    at_64 = ReferenceInShards(how, quartet.prepared, FLOAT64, quartet.oracle.torch, quartet.promoted)
    return _matches(quartet.judge(at_p.steps(entering), run[0], at_64.steps(entering), run[1]), but)


def _matches(judged: Mapping[str, Judgement], but: str = "") -> bool:
    own = {name: one for name, one in judged.items() if not (name.startswith(STATE) or (but and name.endswith(but)))}
    return not any(map(differs, own.values()))
