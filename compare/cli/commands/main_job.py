"""``jaxport`` alone, the main job: verify every pair on real images, train both sides, write the report, say where to
look."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.options import add_data, add_epochs, add_shared

if TYPE_CHECKING:
    from rich.console import Console

    from compare.report.contract import Form, VerifyForm

HELP = "the main job: verify every pair on real images, train both sides, write a report"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    add_data(parser)
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder for the report (default: report)")
    add_epochs(parser)


def run(options: argparse.Namespace) -> int:
    from compare.checkpoints.atomic import writable_folder
    from compare.checkpoints.json_file import write_json
    from compare.cli.chosen_device import device_of
    from compare.cli.commands.bench import differing, timed_apart
    from compare.cli.commands.contrast import contrasted
    from compare.cli.commands.report import write_report
    from compare.cli.commands.train import trained, write_training
    from compare.cli.commands.verify import verified
    from compare.cli.results import results
    from compare.cli.streams import write_json_option
    from compare.pair.pairs import REGISTRY
    from compare.report.terminal import console, show_training, show_verify
    from compare.verdict.precision import PRECISIONS
    from compare.verification.verification import Plan

    device = device_of(options)
    folder = writable_folder(options.out)
    verdicts, failed = verified(
        options, list(REGISTRY), device, PRECISIONS["float32"], Plan(options.seed), device, chosen=False
    )
    write_json(folder / "verify.json", verdicts)
    out = console(sys.stderr if options.json == "-" else results())
    show_verify(verdicts, out)
    training = trained(options, device)
    write_training(training, folder)
    show_training(training, out)
    contrast = contrasted(options, device, "mlp")
    write_json(folder / "contrast.json", contrast)
    bench = timed_apart(options, device)
    if bench:
        write_json(folder / "bench.json", bench)
    _show_other_uses(contrast, bench, out)
    shown = {"verify": verdicts, "train": training, "contrast": contrast} | ({"bench": bench} if bench else {})
    page = write_report(shown, folder)
    forms = {"verify": verdicts, "train": training, "contrast": contrast, "bench": bench}
    write_json_option(options, {"schema": 1, **forms})
    matched = not failed and training["verdict"] == "match" and not differing(bench)
    word = _last_word(matched, verdicts)
    out.print(
        f"{word} See {page}; every number is in {folder / 'verify.json'} and train.json.",
        markup=False,
        soft_wrap=True,
    )
    return int(not matched)


def _show_other_uses(contrast: "Form", bench: "Form | None", out: "Console") -> None:
    """A few lines of what else there is, each with its command."""
    from rich.text import Text

    from compare.report.bench import headline
    from compare.report.contrast import summary

    out.print(Text("contrast: jaxport contrast mlp", style="bold"))
    for line in summary(contrast):
        out.print(Text(line))
    out.print(Text("bench: jaxport bench mlp --quick", style="bold"))
    out.print(Text(headline(bench) if bench else "not timed; run the command for the reason"))
    out.print(Text("read: jaxport read mlp", style="bold"))
    out.print(Text("both sources beside each other; jaxport read lists what there is"))
    out.print()


def _last_word(matched: bool, verdicts: "VerifyForm") -> str:
    if not matched:
        return "The port is NOT the same function."
    if any(pair["notices"] for pair in verdicts["pairs"]):
        return "The port is the same function in float64; mind the notices."
    return "The port is the same function."
