"""``jaxport contrast``: the tape against the function, aligned."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from compare.cli.options import add_data, add_pair, add_shared
from compare.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from compare.frameworks.devices import Device
    from compare.report.contract import Form

HELP = "tape against function: what each way records and keeps, aligned"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    add_shared(parser)
    add_data(parser)
    parser.add_argument(
        "--capabilities", action="store_true", help="also what each way can do: every cell is code that is run now"
    )
    parser.add_argument(
        "--costs", action="store_true", help="also the bytes that compiled programs keep on either side, and time"
    )
    parser.add_argument("--row", metavar="NAME", help="one row of that table, with the code of both cells")
    parser.add_argument("--every", action="store_true", help="every node and every equation, however many")


def run(options: argparse.Namespace) -> int:
    from compare.cli.chosen_device import device_of
    from compare.cli.named import check_pair
    from compare.cli.streams import emit

    check_pair(options.pair)
    for name in ("costs", "every"):
        if options.row is not None and getattr(options, name):
            raise UsageError(
                f"contrast: --{name} adds nothing to --row, which shows one row's code: leave one of them out"
            )
    from compare.measure.contrast.ways.ways_table import check_way  # loads both frameworks
    from compare.report.capability_table import show_capabilities, show_code
    from compare.report.contrast import show_contrast

    if options.row is not None:
        check_way(options.row)
    device = device_of(options)
    form = contrasted(options, device, options.pair)

    def show(out: "Console") -> None:
        if options.row:
            show_code(form["capabilities"][0], out)
            return
        show_contrast(form, out, options.every)
        show_capabilities(form, out)

    emit(options, form, show)
    return 0


def contrasted(options: argparse.Namespace, device: "Device", name: str) -> "Form":
    """The contrast of the pair that ``name`` stands for, as a form."""
    from compare.cli.named import pair_of
    from compare.cli.streams import busy
    from compare.frameworks.environment import fingerprint
    from compare.measure.contrast.contrast import contrast
    from compare.report.form import contrast_form

    row = getattr(options, "row", None)  # the main job has neither
    with busy(f"taking {name} apart") as say:
        pair = pair_of(name, options.data, options.batch)
        asked = getattr(options, "costs", False)
        made = contrast(pair, device, options.seed, compiled=asked)
        if row or getattr(options, "capabilities", False):
            from compare.measure.contrast.capabilities import capabilities

            say("running what each way can do")
            made = replace(made, capabilities=capabilities(pair, device, options.seed, row))
        if asked:
            from compare.measure.contrast.costs import costs

            say("compiling both sides")
            made = replace(made, costs=costs(pair, device, options.seed))
        return contrast_form(made, fingerprint(device))
