"""``jaxport verify``: the verdict on pairs, on a lesson that a student wrote, on a port against a record."""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.many_options import add_many, asks_for_many
from compare.cli.mesh_option import add_mesh
from compare.cli.options import add_accept, add_data, add_shared, json_path
from compare.cli.weight_options import add_weights, asked_in
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.checkpoints.judged import WeightsAsked
    from compare.frameworks.devices import Device
    from compare.frameworks.meshes.mesh_devices import BuiltMesh
    from compare.report.contract import VerifyForm
    from compare.verdict.precision import Precision
    from compare.verification.verification import Plan

HELP = "the verdict on outputs, gradients, updates and a short trajectory"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pairs",
        nargs="*",
        metavar="PAIR",
        help="the project's pairs (default: all), Python files that define one, folders or globs of such",
    )
    add_shared(parser)
    add_data(parser)
    parser.add_argument(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16", "float16"),
        help="working precision (default: float32)",
    )
    parser.add_argument(
        "--probes",
        default="default",
        choices=("default", "all"),
        help="'all' adds one row and an empty batch, each of which compiles anew",
    )
    parser.add_argument(
        "--oracle-device", default="same", choices=("same", "cpu"), help="where float64 runs (default: same)"
    )
    parser.add_argument(
        "--record", type=json_path, metavar="FILE.npz", help="run the reference alone and save what the judge needs"
    )
    parser.add_argument(
        "--against", type=Path, metavar="FILE.npz", help="judge the port against such a record; needs no torch"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="a notice counts: float32_only, precision, bfloat16 inside on both sides, a check without teeth",
    )
    parser.add_argument(
        "--no-locate", action="store_true", help="where something differs, do not look for the place and the cause"
    )
    add_mesh(parser)
    add_accept(parser)
    parser.add_argument("--quick", action="store_true", help="the pair's own batch alone: no probes, no mutants")
    parser.add_argument(
        "--by-module",
        action="store_true",
        help="in bounded memory: one piece of the model at a time, the rest on disk (TMPDIR)",
    )
    parser.add_argument("--explain", action="store_true", help="the weight map, with the reason for each line")
    add_weights(parser)
    parser.add_argument("--every", action="store_true", help="list every quantity on every probe")
    add_many(parser)


def run(options: argparse.Namespace) -> int:
    from compare.cli.many.many import verify_many
    from compare.cli.many.wanted import means_many
    from compare.cli.marking import lesson_files, mark
    from compare.cli.named import check_once, check_pair
    from compare.cli.on_record import on_record

    if asks_for_many(options) or means_many(options.pairs):
        return verify_many(options, options.parser)
    for name in options.pairs:
        check_pair(name)
    check_once(options.pairs)
    if lesson_files(options.pairs):
        return mark(options)
    asked = asked_in(options)
    if asked.asked and (options.record or options.against or len(options.pairs) != 1):
        raise UsageError("verify: --port-weights, --reference-weights and --original take one pair, and no record")
    if options.by_module and (options.record or options.against):
        raise UsageError("verify: --by-module takes no record: expected one of --by-module, --record and --against")
    if options.record or options.against:
        return on_record(options)
    return _judge(options, asked)


def _judge(options: argparse.Namespace, asked: "WeightsAsked") -> int:
    """The verdict on every pair, or on those that are named; the exit code."""
    from compare.cli.chosen_device import device_of
    from compare.cli.on_mesh import mesh_of, prepare_mesh
    from compare.cli.streams import emit
    from compare.frameworks import devices
    from compare.pair.pairs import REGISTRY
    from compare.report.terminal import show_verify
    from compare.verdict.precision import PRECISIONS
    from compare.verification.verification import Plan

    prepare_mesh(options)
    device = device_of(options)
    oracle = devices.choose("cpu") if options.oracle_device == "cpu" else device
    mesh = mesh_of(options, device, oracle)
    plan = Plan(options.seed, options.probes == "all", options.quick, locate=not options.no_locate)
    names = options.pairs or list(REGISTRY)
    form, failed = verified(
        options, names, device, PRECISIONS[options.dtype], plan, oracle, options.strict, options.accept, asked,
        mesh=mesh, by_module=options.by_module, chosen=bool(options.pairs),
    )  # fmt: skip
    emit(options, form, lambda out: show_verify(form, out, options.every, options.explain))
    return int(failed)


def verified(
    options: argparse.Namespace,
    names: list[str],
    device: "Device",
    precision: "Precision",
    plan: "Plan",
    oracle: "Device",
    strict: bool = False,
    accept: Sequence[str] = (),
    weights: "WeightsAsked | None" = None,
    trained: bool = False,
    by_module: bool = False,
    mesh: "BuiltMesh | None" = None,
    chosen: bool = True,
) -> tuple["VerifyForm", bool]:
    """Every pair that ``names`` stand for, as one form, and whether one of them failed.

    Args:
        accept: what every pair accepts beside its own.
        by_module: in bounded memory.
        mesh: what every port is run on, in the place of one device.
        trained: steps are what is asked for: a pair without optimizers is refused, before any of them runs.
        chosen: the user named these; where all are run, images go to those that take them, and that is said.
    """
    from compare.arrays.aside import Aside
    from compare.checkpoints.judged import NOT_ASKED
    from compare.cli.named import accepting, pairs_of
    from compare.cli.streams import busy, naming, remark, waiting
    from compare.frameworks import devices
    from compare.frameworks.environment import fingerprint
    from compare.frameworks.meshes.mesh_devices import on_mesh
    from compare.frameworks.tensors_aside import parameters_on_disk
    from compare.pair.pair_file import told_apart
    from compare.pair.pairs import takes_images
    from compare.report.form import verify_form
    from compare.verification.verification import verify

    asked, aside = weights or NOT_ASKED, Aside() if by_module else None
    reports, entered = [], []
    without = [] if chosen or options.data is None else [name for name in names if not takes_images(name)]
    if without:
        remark(f"--data: not for {', '.join(without)}, which draws its own batches")
    for name in names:
        with waiting(f"loading {name}"), on_mesh(mesh), parameters_on_disk(aside) if aside else nullcontext():
            data = None if name in without else options.data
            entered += [(name, pair) for pair in pairs_of(name, data, options.batch)]
    pairs = told_apart(entered)
    for pair in pairs:
        if trained and pair.optimizers is None:
            raise UsageError(f"pair {pair.name}: expected optimizers=, by which it is trained: it has none")
    devices.set_float32_policy()  # again: a user's file may have set another
    for pair in pairs:
        with busy(f"verifying {pair.name}") as say:
            own = accepting(pair, accept)
            told = naming(f"verifying {pair.name}", say)
            reports.append(verify(own, device, precision, plan, oracle, told, weights=asked, mesh=mesh, aside=aside))
    form = verify_form(reports, fingerprint(device))
    return form, any(report.failed(strict) for report in reports)
