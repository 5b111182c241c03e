"""``jaxport contrast``: the tape against the function, aligned."""

import argparse
from typing import TYPE_CHECKING

from compare.cli.options import add_data, add_pair, add_shared

if TYPE_CHECKING:
    from compare.frameworks.devices import Device
    from compare.report.contract import Form

HELP = "tape against function: what each way records and keeps, aligned"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    add_shared(parser)
    add_data(parser)
    parser.add_argument("--every", action="store_true", help="every node and every equation, however many")


def run(options: argparse.Namespace) -> int:
    from compare.cli.chosen_device import device_of
    from compare.cli.named import check_pair
    from compare.cli.streams import emit
    from compare.report.contrast import show_contrast

    check_pair(options.pair)
    form = contrasted(options, device_of(options), options.pair)
    emit(options, form, lambda out: show_contrast(form, out, options.every))
    return 0


def contrasted(options: argparse.Namespace, device: "Device", name: str) -> "Form":
    """The contrast of the pair that ``name`` stands for, as a form."""
    from compare.cli.named import pair_of
    from compare.cli.streams import busy
    from compare.frameworks.environment import fingerprint
    from compare.measure.contrast.contrast import contrast
    from compare.report.form import contrast_form

    with busy(f"taking {name} apart"):
        pair = pair_of(name, options.data, options.batch)
        return contrast_form(contrast(pair, device, options.seed), fingerprint(device))
