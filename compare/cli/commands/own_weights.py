"""``jaxport weights``: whether weights that a user converted are the original's, line by line."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.meant import SHARED, check_meant
from compare.cli.options import add_accept, add_data, add_shared
from compare.cli.weight_options import add_weights, asked_in
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.report.contract import WeightsOfPairForm

HELP = "whether weights that you converted are the original's, line by line"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "given", nargs="+", metavar="PAIR",
        help="a file that defines a pair, or one of the project's pairs; with --pair or --map two checkpoints, A and "
        "B: what B is, beside what the map makes of A",
    )  # fmt: skip
    parser.add_argument("--pair", metavar="FILE.py", help="the pair whose weight map goes from A to B")
    parser.add_argument("--map", type=Path, metavar="FILE.json", help="a map that convert --save-map wrote, instead")
    add_shared(parser)
    add_data(parser)
    add_weights(parser)
    add_accept(parser)


def run(options: argparse.Namespace) -> int:
    from compare.cli.streams import emit
    from compare.report.weight_lines import show_weights_of_pair

    form, right = _of_files(options) if options.pair or options.map else _of_pair(options)
    emit(options, form, lambda out: show_weights_of_pair(form, out))
    return int(not right)


def _of_pair(options: argparse.Namespace) -> "tuple[WeightsOfPairForm, bool]":
    """The weights of a pair's own models, or of the files in their place."""
    from compare.cli.chosen_device import device_of
    from compare.cli.named import accepting, check_pair, pair_of
    from compare.cli.streams import busy
    from compare.frameworks.environment import fingerprint

    if len(options.given) != 1:
        raise UsageError(
            "weights: expected one pair, or two checkpoints and --pair FILE.py or --map FILE.json, by which they go"
        )
    (name,) = options.given
    check_pair(name)
    asked = asked_in(options, always=True)
    device = device_of(options)
    with busy(f"weighing {name}"):
        from compare.checkpoints.judged import brought_together, judged_weights
        from compare.report.form import weights_form
        from compare.verification.verification import title_of
        from compare.weights.own.loader import loader_notices

        pair = accepting(pair_of(name, options.data, options.batch), options.accept)
        prepared, given = brought_together(pair, options.seed)
        found = judged_weights(prepared, asked, given)
        assert found is not None  # it was asked for
        found = replace(found, notes=(*prepared.notes, *found.notes))
        entries = prepared.weight_map.entries
        loader = loader_notices(entries, prepared.shapes, prepared.leaves, asked.original)
        return weights_form(pair.name, pair.title or title_of(pair), loader, found, fingerprint(device)), found.right


def _of_files(options: argparse.Namespace) -> "tuple[WeightsOfPairForm, bool]":
    """The second of two checkpoints beside the first."""
    from compare.cli.chosen_device import device_of
    from compare.cli.named import accepting, check_pair, pair_of
    from compare.cli.streams import busy
    from compare.frameworks.environment import fingerprint

    if options.pair and options.map:
        raise UsageError("weights: --pair and --map both say what is what: give one of them")
    if len(options.given) != 2:
        raise UsageError(
            f"weights: expected two checkpoints beside --pair or --map, got {len(options.given)}: A B --pair FILE.py"
        )
    if options.port_weights or options.reference_weights or options.original:
        raise UsageError(
            "weights: of two checkpoints the first is the original: --original, --port-weights and --reference-weights "
            "go with a pair alone"
        )
    if options.map and options.accept:
        raise UsageError("weights: --accept goes with --pair: a map knows already what it leaves out")
    if options.map:
        check_meant(options, ("given", "map", "json", *SHARED), "beside --map, which needs no pair")
    if options.pair:
        check_pair(options.pair)
    first, second = (Path(name).absolute() for name in options.given)  # a pair's file may go to another folder
    device = device_of(options)
    with busy(f"weighing {second.name}"):
        from compare.checkpoints.convert import Conversion, conversion_between
        from compare.checkpoints.judged import brought_together
        from compare.checkpoints.two_files import judged_files
        from compare.report.form import weights_form
        from compare.weights.own.loader import loader_notices

        prepared = None
        if options.pair:
            pair = accepting(pair_of(options.pair, options.data, options.batch), options.accept)
            prepared, _ = brought_together(pair, options.seed)
        conversion = Conversion.load(options.map) if prepared is None else conversion_between(prepared)
        found = judged_files(first, second, conversion, prepared)
        entries = conversion.weight_map.entries
        loader = loader_notices(entries, conversion.shapes, conversion.leaves, found.original)
        title = f"beside {first.name}, through {options.pair or options.map}"
        return weights_form(second.name, title, loader, found, fingerprint(device)), found.right
