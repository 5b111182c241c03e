"""``jaxport bench``: XLA against eager. Before anything else the threads, which neither framework changes once it
runs."""

import argparse
from typing import TYPE_CHECKING

from compare.cli.options import add_data, add_pair, add_shared, whole

if TYPE_CHECKING:
    from compare.frameworks.devices import Device
    from compare.report.contract import Form

HELP = "XLA against eager: one training step, judged equal, then timed"
QUICK_ROUNDS = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    add_shared(parser)
    add_data(parser)
    parser.add_argument("--threads", type=whole(1), default=1, metavar="N", help="for both frameworks (default: 1)")
    parser.add_argument("--rounds", type=whole(3), default=30, metavar="N", help="of all variants (default: 30)")
    parser.add_argument("--quick", action="store_true", help=f"without torch.compile, {QUICK_ROUNDS} rounds")


def run(options: argparse.Namespace) -> int:
    from compare.cli.chosen_device import device_of
    from compare.cli.named import check_pair, pair_of
    from compare.cli.streams import busy, emit
    from compare.frameworks.environment import fingerprint
    from compare.measure.bench import threads

    check_pair(options.pair)
    threads.pin(options.threads)
    device = device_of(options)
    with busy(f"timing {options.pair}") as say:
        from compare.measure.bench.bench import bench
        from compare.report.bench import show_bench
        from compare.report.form import bench_form

        pair = pair_of(options.pair, options.data, options.batch)
        rounds = QUICK_ROUNDS if options.quick else options.rounds
        timed = bench(pair, device, options.threads, rounds, options.seed, not options.quick, say)
        form = bench_form(timed, fingerprint(device))
    emit(options, form, lambda out: show_bench(form, out))
    return int(bool(differing(form)))


def timed_apart(options: argparse.Namespace, device: "Device") -> "Form | None":
    """``jaxport bench mlp --quick`` in a process of its own: here both frameworks have their threads already.

    None where it could not run; where a variant is another function, the form says so.
    """
    import json
    import subprocess

    from compare.cli.itself import itself
    from compare.cli.streams import busy, remark

    command = itself("bench", "mlp", "--quick", "--json", "-", "--device", device.name)
    command += ["--seed", str(options.seed), "--batch", str(options.batch)]
    command += ["--data", str(options.data)] if options.data else []
    with busy("timing mlp in a process of its own"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        remark(f"bench: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
        return None
    return dict(json.loads(done.stdout))


def differing(form: "Form | None") -> list[str]:
    """The variants that are another function than torch eager."""
    return [row["name"] for row in form["rows"] if row["verdict"] in ("mismatch", "invalid")] if form else []
