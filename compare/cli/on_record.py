"""Half of a verdict, for two environments: the reference alone, or the port against what was saved of the reference."""

import argparse
from pathlib import Path

from compare.cli.chosen_device import check_xla_flags
from compare.cli.meant import check_meant
from compare.cli.named import accepting, pair_of
from compare.cli.on_mesh import mesh_of, prepare_mesh
from compare.cli.results import result
from compare.cli.streams import busy, emit, naming
from compare.errors import UsageError
from compare.frameworks import devices
from compare.frameworks.environment import fingerprint
from compare.report.terminal import show_verify
from compare.verdict.counted import counted
from compare.verdict.precision import PRECISIONS

# Of verify's options, those that each half looks at: what a verdict is made of, and what it is to say.
TAKEN = ["pairs", "record", "device", "seed", "data", "batch", "dtype", "probes", "quick", "oracle_device", "accept"]
JUDGED = ["pairs", "against", "device", "data", "batch", "oracle_device", "mesh", "accept", "json"]
JUDGED += ["strict", "explain", "every", "no_locate"]


def on_record(options: argparse.Namespace) -> int:
    """What ``--record`` or ``--against`` asks for; the exit code.

    Raises:
        UsageError: both are given, or not one pair.
    """
    if options.record and options.against:
        raise UsageError("verify: --record runs the reference, --against judges the port: one at a time")
    if options.record and Path(options.record).suffix != ".npz":
        raise UsageError(f"verify: --record {options.record}: expected a name that ends in .npz")
    if options.record and options.mesh:
        raise UsageError("verify: --record runs the reference, --mesh the port: give --mesh with --against")
    if len(options.pairs) != 1:
        raise UsageError("verify: --record and --against take one pair")
    if options.record:
        check_meant(options, TAKEN, "beside --record, which runs the reference and judges nothing")
        return _record(options)
    check_meant(options, JUDGED, "beside --against: draws, precision and probes are the record's")
    _ = options.no_locate  # nothing is located beside a record: as it asks
    return _against(options)


def _record(options: argparse.Namespace) -> int:
    from compare.sides.plan import Plan
    from compare.sides.record_taking import take

    device = devices.choose(options.device, ("torch",))
    plan = Plan(options.seed, options.probes == "all", options.quick)
    oracle = devices.choose("cpu", ("torch",)) if options.oracle_device == "cpu" else device
    with busy("recording the reference") as say:
        pair = accepting(pair_of(options.pairs[0], options.data, options.batch), options.accept)
        devices.set_float32_policy(("torch",))
        record = take(pair, device, PRECISIONS[options.dtype], plan, oracle, naming("recording the reference", say))
        record.save(Path(options.here, options.record))
    result(f"wrote {options.record}: {counted(len(record.facts['runs']), 'run')} of {pair.name}'s reference")
    return 0


def _against(options: argparse.Namespace) -> int:
    from compare.report.form import verify_form
    from compare.sides.record_file import ReferenceRecord
    from compare.verification.verification import verify

    record = ReferenceRecord.load(options.against)
    prepare_mesh(options)
    from compare.frameworks.meshes.mesh_devices import on_mesh  # which imports jax

    check_xla_flags()
    device = devices.choose(options.device, ("jax",))
    oracle = devices.choose("cpu", ("jax",)) if options.oracle_device == "cpu" else device
    mesh = mesh_of(options, device)
    with busy("judging the port") as say:
        with on_mesh(mesh):
            pair = accepting(pair_of(options.pairs[0], options.data, options.batch), options.accept)
        devices.set_float32_policy(("jax",))
        report = verify(pair, device, oracle=oracle, progress=naming("judging the port", say), record=record, mesh=mesh)
    form = verify_form([report], fingerprint(device))
    emit(options, form, lambda out: show_verify(form, out, options.every, options.explain))
    return int(report.failed(options.strict))
