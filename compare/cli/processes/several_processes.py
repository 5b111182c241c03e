"""``jaxport train FILE.py --processes N``: one side's processes, then the other's, and both in one report.

The first command starts the processes of either side by the same words, and each of them finds in its environment whose
it is.
"""

import argparse
import os
from dataclasses import asdict
from math import inf
from typing import TYPE_CHECKING, Any, cast

from compare.cli.named import check_data
from compare.cli.processes.launching import PORT, REFERENCE, SIDE, trained_port, trained_reference
from compare.cli.streams import emit, remark, write_json_option
from compare.cli.training_options import STEPS
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.pair.pair import Pair
    from compare.report.contract import PairForm, ProcessesForm, VerifyForm

LIMIT = inf  # processes that wait for each other in vain are ended by their frameworks


def in_several_processes(options: argparse.Namespace) -> int:
    """The exit code: of the whole command, or of one of its processes.

    Raises:
        UsageError: one process ended before; or what is asked for is not for several.
    """
    if options.mesh is not None:
        raise UsageError("--processes: is a mesh of its own, by rows: expected one of --processes and --mesh")
    if options.device == "gpu":
        raise UsageError("--processes: run on the CPU: leave out --device gpu")
    check_data(options.of, options.data)
    if side := os.environ.get(SIDE):
        return {REFERENCE: _of_reference, PORT: _of_port}[side](options)
    words = ["train", options.of, "--processes", str(options.processes), "--seed", str(options.seed)]
    words += ["--steps", str(options.steps or STEPS), "--device", "cpu"]
    words += ["--batch", str(options.batch)] if options.batch is not None else []
    words += ["--data", str(options.data)] if options.data is not None else []
    remark(f"training the reference in {options.processes} processes")
    reference = cast(Any, trained_reference(words, options.processes, LIMIT))
    remark(f"training the port in {options.processes} processes")
    form = cast("VerifyForm", trained_port(words, options.processes, LIMIT))
    for pair in form["pairs"]:
        _join(pair, reference["pairs"][pair["pair"]])
    return _told(options, form)


def _join(pair: "PairForm", own: "ProcessesForm") -> None:
    """What became of the reference, beside the port: the pair is as bad as the worse of both."""
    from compare.verdict.verdict import Verdict, worst

    pair["processes"] = {**own, "port": pair["verdict"]}
    pair["verdict"] = cast(Any, str(worst([Verdict(own["verdict"]), Verdict(pair["verdict"])])))


def _told(options: argparse.Namespace, form: "VerifyForm") -> int:
    from compare.report.form import PASSED
    from compare.report.terminal import show_verify
    from compare.verdict.verdict import Verdict, worst

    check_stepped(form)
    form["verdict"] = cast(Any, str(worst([Verdict(pair["verdict"]) for pair in form["pairs"]])))
    emit(options, form, lambda out: show_verify(form, out))
    return int(form["verdict"] not in PASSED)


def check_stepped(form: "VerifyForm") -> None:
    """Refuse what has judged no step.

    Raises:
        UsageError: a pair has none.
    """
    for pair in form["pairs"]:
        if not any(quantity["kind"] == "update" for quantity in pair["quantities"]):
            raise UsageError(f"pair {pair['pair']}: no step was taken: expected a mode that can be compared")


def _of_reference(options: argparse.Namespace) -> int:
    import torch
    import torch.distributed as dist

    from compare.frameworks import devices
    from compare.measure.reference_steps import train_in_processes
    from torchref.distributed import start

    start()
    device = devices.choose("cpu")
    forms = {
        pair.name: asdict(train_in_processes(pair, options.seed, options.steps, device))
        for pair in _pairs(options, torch)
    }
    if dist.get_rank() == 0:
        write_json_option(options, {"schema": 1, "pairs": forms})
    dist.destroy_process_group()
    return 0


def _of_port(options: argparse.Namespace) -> int:
    import jax
    import torch

    from compare.cli.commands.verify import verified
    from compare.frameworks import devices
    from compare.frameworks.meshes.mesh_axes import mesh_axes
    from compare.frameworks.meshes.mesh_devices import built_mesh
    from compare.verdict.precision import FLOAT32
    from compare.verification.verification import Plan
    from jaxport.distributed import start

    start()
    device = devices.choose("cpu")
    mesh = built_mesh(mesh_axes(f"data={options.processes}"), "cpu")
    plan = Plan(options.seed, quick=True, locate=False, steps=options.steps)
    torch.manual_seed(options.seed)
    form, _ = verified(options, [options.of], device, FLOAT32, plan, device, trained=True, mesh=mesh)
    if jax.process_index() == 0:
        write_json_option(options, form)
    jax.distributed.shutdown()
    return 0


def _pairs(options: argparse.Namespace, torch: Any) -> "list[Pair]":
    """Those of the file, with the same weights of its own in every process."""
    from compare.cli.named import pairs_of
    from compare.pair.pair_file import told_apart

    torch.manual_seed(options.seed)
    pairs = told_apart([(options.of, pair) for pair in pairs_of(options.of, options.data, options.batch)])
    for pair in pairs:
        if pair.optimizers is None:
            raise UsageError(f"pair {pair.name}: expected optimizers=, by which it is trained: it has none")
    return pairs
