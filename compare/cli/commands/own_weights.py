"""``jaxport weights``: whether weights that a user converted are the original's, line by line."""

import argparse
from dataclasses import replace

from compare.cli.options import add_accept, add_data, add_shared
from compare.cli.weight_options import add_weights, asked_in

HELP = "whether weights that you converted are the original's, line by line"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pair", metavar="PAIR", help="a file that defines a pair, or one of the project's pairs")
    add_shared(parser)
    add_data(parser)
    add_weights(parser)
    add_accept(parser)


def run(options: argparse.Namespace) -> int:
    from compare.cli.chosen_device import device_of
    from compare.cli.named import accepting, check_pair, pair_of
    from compare.cli.streams import busy, emit
    from compare.frameworks.environment import fingerprint
    from compare.report.weight_lines import show_weights_of_pair

    check_pair(options.pair)
    asked = asked_in(options, always=True)
    device = device_of(options)
    with busy(f"weighing {options.pair}"):
        from compare.checkpoints.judged import brought_together, judged_weights
        from compare.report.form import weights_form
        from compare.verification.verification import title_of
        from compare.weights.own.loader import loader_notices

        pair = accepting(pair_of(options.pair, options.data, options.batch), options.accept)
        prepared, given = brought_together(pair, options.seed)
        found = judged_weights(prepared, asked, given)
        assert found is not None  # it was asked for
        found = replace(found, notes=(*prepared.notes, *found.notes))
        entries = prepared.weight_map.entries
        loader = loader_notices(entries, prepared.shapes, prepared.leaves, asked.original)
        form = weights_form(pair.name, pair.title or title_of(pair), loader, found, fingerprint(device))
    emit(options, form, lambda out: show_weights_of_pair(form, out))
    return int(not found.right)
