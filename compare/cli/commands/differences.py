"""``jaxport differences``: what torch's functions, layers, optimizers and schedules are in JAX, run on the versions
that are installed."""

import argparse

from compare.cli.options import json_path

HELP = "what a function, layer, optimizer or schedule of torch is in JAX, what is otherwise, and what makes them equal"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="of either side: gelu, nn.LayerNorm, optax.adamw (without it: the whole table in short, some minutes)",
    )
    parser.add_argument(
        "--json", type=json_path, metavar="PATH", help="write the result as JSON; - for standard output"
    )


def run(options: argparse.Namespace) -> int:
    from compare.cli.streams import busy, emit, naming
    from compare.explain.differences.table import every_row, rows_of, run_rows
    from compare.frameworks.devices import choose
    from compare.report.difference_lines import show_differences, show_entries
    from compare.report.differences_form import differences_form

    whole = options.name is None
    rows = every_row() if whole else rows_of(options.name)
    choose("cpu")
    with busy("running the table of differences") as say:
        form = differences_form(run_rows(rows, naming("running", say) if whole else lambda text: None))
    emit(options, form, lambda out: (show_differences if whole else show_entries)(form, out))
    return int(any(entry["fault"] for entry in form["entries"]))
