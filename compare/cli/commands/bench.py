"""``jaxport bench``: XLA against eager, in processes of their own; this one imports neither framework.

Threads are set before anything else: neither framework changes them once it runs, and every process inherits them.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.bench_options import (
    FULL,
    PROCESSES,
    QUICK_PROCESSES,
    QUICK_ROUNDS,
    ROUNDS,
    TF32,
    check_alone,
    processes_of,
    question_of,
    threads,
)
from compare.cli.options import add_images, add_pair, add_shared, json_path, whole

if TYPE_CHECKING:
    from rich.console import Console

    from compare.frameworks.devices import Device
    from compare.measure.bench.bench_result import Bench
    from compare.measure.bench.question import Process, Question
    from compare.report.contract import Form
    from compare.sides.progress import Progress

HELP = "XLA against eager: one training step, judged equal, then timed"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    add_shared(parser)
    add_images(parser)
    parser.add_argument("--batch", type=whole(1), metavar="N", help="rows in a batch (default: the pair's own)")
    parser.add_argument("--width", type=whole(1), metavar="N", help="of the mlp (default: 128)")
    parser.add_argument("--depth", type=whole(2), metavar="N", help="layers of the mlp (default: 2)")
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "bfloat16"), help="working precision (default: float32)"
    )
    parser.add_argument(
        "--precision", default=FULL, choices=(FULL, TF32), help="of float32 products; tf32 needs a GPU (default: full)"
    )
    parser.add_argument(
        "--threads", type=threads, default=1, metavar="N", help="for both frameworks, or all (default: 1)"
    )
    parser.add_argument(
        "--rounds",
        type=whole(3),
        metavar="N",
        help=f"of all rows in a process (default: {ROUNDS}, quick {QUICK_ROUNDS})",
    )
    parser.add_argument(
        "--processes",
        type=whole(1),
        metavar="N",
        help=f"fresh ones, one after another (default: {PROCESSES}, quick {QUICK_PROCESSES})",
    )
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        metavar="NAME",
        help="this row alone beside torch eager and jax.jit; again for more",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows, without torch's compiler, in one process")
    parser.add_argument("--long", action="store_true", help="also the rows whose compilers take minutes")
    parser.add_argument(
        "--sweep",
        type=json_path,
        metavar="FILE",
        help="from batch 8 to 8192 and, of the mlp, more widths and depths; goes on",
    )
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="two results of --json; runs nothing")
    parser.add_argument(
        "--every", action="store_true", help="also what each row's step is made of, and where its time goes"
    )
    parser.add_argument("--force", action="store_true", help="time what a gate stops too; every row is stamped")


def run(options: argparse.Namespace) -> int:
    from compare.cli.named import check_pair
    from compare.cli.streams import busy, emit

    check_alone(options)
    if options.compare:
        return _compared(options)
    check_pair(options.pair)
    if options.sweep:
        return _swept(options)
    with busy(f"timing {options.pair}") as say:
        from compare.report.form import bench_form

        form = bench_form(timed(question_of(options), processes_of(options), say))
    emit(options, form, lambda out: _show(form, out, options.every))
    return int(bool(differing(form)))


def _show(form: "Form", out: "Console", every: bool) -> None:
    from compare.report.bench import show_bench
    from compare.report.bench_insides import show_insides

    show_bench(form, out)
    if every:
        show_insides(form, out)


def _swept(options: argparse.Namespace) -> int:
    from compare.cli.streams import emit
    from compare.cli.swept import swept
    from compare.report.sweep import show_sweep

    path = Path(options.here, options.sweep)
    form = swept(path, question_of(options), processes_of(options), timed)
    emit(options, form, lambda out: show_sweep(form, out))
    return int(any(differing(one["bench"]) for one in form["sizes"]))


def _compared(options: argparse.Namespace) -> int:
    from compare.cli.streams import emit
    from compare.cli.written import written
    from compare.measure.bench.two_runs import between
    from compare.report.form import two_runs_form
    from compare.report.sweep import show_two_runs

    before, after = (written(path, "bench --json") for path in options.compare)
    form = two_runs_form(between(before, after, options.seed))
    emit(options, form, lambda out: show_two_runs(form, out))
    return 0


def timed(question: "Question", processes: int, say: "Progress") -> "Bench":
    """What so many processes answer, one after the other, joined.

    Raises:
        UsageError: one of them could not.
    """
    from compare.cli.streams import naming
    from compare.measure.bench.joined import joined
    from compare.measure.bench.processes import in_fresh_process
    from compare.measure.bench.question import AGAIN, EAGER
    from compare.measure.bench.threads import pin

    def asked(question: "Question", number: int) -> "Process":
        here = naming(f"process {number} of {processes}", say) if processes > 1 else say
        return in_fresh_process(answer, question, here)

    pin(question.threads)
    first = asked(question, 1)
    stopped = {row.name for row in first.rows if row.stopped and not question.forced} - {EAGER, AGAIN}
    explaining = {row.name for row in first.rows if row.explains}  # in no ratio: the first process is enough
    calls = {row.name: row.calls for row in first.rows}
    later = replace(question, gated=False, calls=calls, without=tuple(sorted(stopped | explaining)))
    return joined([first, *(asked(later, number) for number in range(2, processes + 1))], question)


def answer(question: "Question", progress: "Progress") -> "Process":
    """What a process of the benchmark does: the pair is looked up here, where a pair's file may be run."""
    from compare.cli.named import pair_of
    from compare.frameworks.devices import share_the_card
    from compare.measure.bench.one_process import measured
    from compare.measure.bench.sizes import in_training, perceptron
    from compare.pair.number_of_rows import with_rows

    share_the_card()
    progress("loading both frameworks")
    if question.pair == "mlp":
        return measured(
            perceptron(question.width, question.depth, question.rows_of_batch or 64, question.data), question, progress
        )
    pair = in_training(pair_of(question.pair, question.data))
    return measured(with_rows(pair, question.rows_of_batch) if question.rows_of_batch else pair, question, progress)


def timed_apart(options: argparse.Namespace, device: "Device") -> "Form | None":
    """``jaxport bench mlp --quick`` in a process of its own: here both frameworks have their threads already.

    None where it could not run; where a variant is another function, the form says so.
    """
    import subprocess
    from tempfile import TemporaryDirectory

    from compare.cli.itself import itself
    from compare.cli.streams import busy, remark
    from compare.cli.written import written

    with TemporaryDirectory(prefix="jaxport-") as folder, busy("timing mlp in a process of its own"):
        path = Path(folder, "bench.json")
        command = itself("bench", "mlp", "--quick", "--json", str(path), "--device", device.name)
        command += ["--seed", str(options.seed)]
        command += ["--batch", str(options.batch)] if options.batch else []
        command += ["--data", str(options.data)] if options.data else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if path.exists():
            return written(path, "bench --json")
    remark(f"bench: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
    return None


def differing(form: "Form | None") -> list[str]:
    """The rows that are another function than torch eager; of no form none."""
    from compare.report import bench

    return bench.differing(form) if form else []
