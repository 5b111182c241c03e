"""What the options of ``jaxport bench`` ask for, and which of them say nothing beside each other."""

import argparse
from typing import TYPE_CHECKING

from compare.cli.meant import SHARED, check_meant
from compare.cli.options import whole
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.measure.bench.question import Question

FULL, TF32 = "full", "tf32"  # how products of float32 are computed
ROUNDS, QUICK_ROUNDS = 12, 16
PROCESSES, QUICK_PROCESSES = 3, 1
PATIENCE, QUICK_PATIENCE = 20.0, 5.0  # seconds that a busy machine is waited for


def check_alone(options: argparse.Namespace) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        UsageError: anything beside --compare, which runs nothing; a size beside a sweep, which has its own, or for a
            pair that has its own; a sweep to standard output; --long beside what decides its rows; TF32 beside
            another dtype.
    """
    sized = [name for name in ("batch", "width", "depth") if getattr(options, name)]
    if options.compare:
        check_meant(options, ("compare", "json", *SHARED), "beside --compare, which runs nothing")
    if options.sweep and sized:
        raise UsageError(f"--{sized[0]} beside --sweep: expected the one or the other, a sweep has its own sizes")
    if options.sweep and options.every:
        raise UsageError("--every beside --sweep: expected the one or the other, each size's figures are in the file")
    if options.sweep == "-":
        raise UsageError("--sweep -: expected a file, which a sweep goes on from; --json - writes to standard output")
    if options.long and (options.quick or options.row):
        other = "quick" if options.quick else "row"
        why = "which leaves torch's compiler out" if options.quick else "which names each row, long ones too"
        raise UsageError(f"--long beside --{other}, {why}: expected the one or the other")
    if options.precision == TF32 and options.dtype != "float32":
        raise UsageError(f"--precision tf32 beside --dtype {options.dtype}: expected float32, whose products it rounds")
    if options.pair != "mlp" and (own := [name for name in sized if name != "batch"]):
        raise UsageError(f"--{own[0]}: expected the pair mlp, whose layers can be chosen, got {options.pair}")


def question_of(options: argparse.Namespace) -> "Question":
    """What each process is asked."""
    from compare.measure.bench.question import DEPTH, WIDTH, Question

    return Question(
        pair=options.pair,
        data=options.data,
        device=options.device,
        threads=options.threads,
        rounds=options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
        seed=options.seed,
        rows_of_batch=options.batch,
        width=options.width or WIDTH,
        depth=options.depth or DEPTH,
        precision=options.dtype,
        tf32=options.precision == TF32,
        names=tuple(options.row),
        swept=options.quick,
        patience=QUICK_PATIENCE if options.quick else PATIENCE,
        compiled=not options.quick,
        sweeps=options.long,
        forced=options.force,
        looking=bool(options.every or options.json or options.sweep),
    )


def threads(text: str) -> int:
    """A number of threads; ``all`` is as many as there are processors that this process may run on."""
    from compare.measure.bench.load import cores

    if text == "all":
        return cores()
    try:
        return whole(1)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or all") from None


def processes_of(options: argparse.Namespace) -> int:
    """How many processes; with ``--quick`` one, unless they are asked for."""
    return int(options.processes or (QUICK_PROCESSES if options.quick else PROCESSES))
