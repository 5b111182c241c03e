"""``jaxport env``: what a figure depends on."""

import argparse

from compare.cli.options import add_shared

HELP = "devices, versions, precision policy, threads"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)


def run(options: argparse.Namespace) -> int:
    from compare.cli.chosen_device import device_of
    from compare.cli.streams import emit
    from compare.frameworks.environment import fingerprint
    from compare.report.form import SCHEMA
    from compare.report.terminal import show_environment

    facts = fingerprint(device_of(options))
    emit(options, {"schema": SCHEMA, **facts}, lambda out: show_environment(facts, out))
    return 0
