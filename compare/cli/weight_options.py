"""The options by which weights are judged that a user converted."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compare.checkpoints.judged import WeightsAsked


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Files with the weights of either side, and which side's are right."""
    parser.add_argument(
        "--port-weights", type=Path, metavar="FILE", help="the port's weights, in the place of the pair's own"
    )
    parser.add_argument(
        "--reference-weights", type=Path, metavar="FILE", help="the reference's, in the place of the module's own"
    )
    parser.add_argument(
        "--original",
        choices=("reference", "port"),
        help="the side whose weights are right; the other's are judged (default: reference)",
    )


def asked_in(options: argparse.Namespace, always: bool = False) -> "WeightsAsked":
    """What the options ask; weights count where a file is given, or ``always``."""
    from compare.checkpoints.judged import WeightsAsked

    # A pair's file may go to another folder.
    files = [file and file.absolute() for file in (options.reference_weights, options.port_weights)]
    asked = always or options.original == "port" or any(file is not None for file in files)
    return WeightsAsked(options.original or "reference", asked, *files)
