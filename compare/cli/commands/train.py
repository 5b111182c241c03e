"""``jaxport train``: both sides on real images, or those of a pair's file on its own batches; every step judged."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.meant import check_meant
from compare.cli.mesh_option import add_mesh
from compare.cli.options import add_data, add_epochs, add_shared, whole
from compare.cli.training_options import STEPS, add_kept, check_kept
from compare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from compare.frameworks.devices import Device
    from compare.measure.training import Progress
    from compare.report.contract import Form

HELP = "both sides on real images, or a pair's on its own batches, every step judged"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "of",
        nargs="?",
        metavar="PAIR",
        help="a file whose pair is trained by its optimizers= on batches of its own (without it: the MLP on images)",
    )
    add_shared(parser)
    add_data(parser)
    parser.add_argument("--out", type=Path, help="folder for train.json and the picture of both loss curves")
    parser.add_argument("--recipe", metavar="NAME", help="how both are trained (without it: SGD with momentum)")
    add_kept(parser)
    parser.add_argument("--steps", type=whole(1), metavar="N", help=f"of a pair's file (default: {STEPS})")
    add_epochs(parser)
    add_mesh(parser)
    parser.add_argument(
        "--processes",
        type=whole(2),
        metavar="N",
        help="of a pair's file: train it in so many processes on either side, under DistributedDataParallel and by "
        "jax.distributed",
    )


def run(options: argparse.Namespace) -> int:
    from compare.checkpoints.atomic import writable_folder
    from compare.cli.chosen_device import device_of
    from compare.cli.streams import emit, remark
    from compare.pair.training_recipes import check_recipe
    from compare.report.terminal import show_training

    if options.of is not None:
        return _of_pair(options)
    if options.steps is not None:
        raise UsageError("--steps: is of a pair's file: on images expected --epochs")
    for name in ("mesh", "processes"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name}: is of a pair's file: expected FILE.py")
    if options.recipe is not None:
        check_recipe(options.recipe)
    check_kept(options.checkpoint, options.resume)
    device = device_of(options)
    folder = writable_folder(options.out) if options.out else None
    form = trained(options, device)
    if folder:
        write_training(form, folder)
    emit(options, form, lambda out: show_training(form, out))
    if folder:
        remark(f"wrote {folder / 'train.json'} and {folder / 'training.png'}")
    return int(form["verdict"] != "match")


def _of_pair(options: argparse.Namespace) -> int:
    """The pairs of a file: as ``jaxport verify --quick`` runs them, and for as many steps as are asked for.

    Raises:
        UsageError: an option that is of the images, no such file, or a pair without optimizers.
    """
    from compare.cli.chosen_device import device_of
    from compare.cli.commands.verify import verified
    from compare.cli.named import check_pair
    from compare.cli.on_mesh import mesh_of, prepare_mesh
    from compare.cli.processes.several_processes import check_stepped, in_several_processes
    from compare.cli.streams import emit
    from compare.report.terminal import show_verify
    from compare.verdict.precision import PRECISIONS
    from compare.verification.verification import Plan

    check_pair(options.of)
    meant = ("of", "device", "seed", "json", "data", "batch", "steps", "mesh", "processes")
    check_meant(options, meant, "beside a pair, which is trained by its optimizers= for --steps")
    if options.processes is not None:
        return in_several_processes(options)
    prepare_mesh(options)
    device = device_of(options)
    plan, mesh = Plan(options.seed, quick=True, steps=options.steps or STEPS), mesh_of(options, device, device)
    form, failed = verified(options, [options.of], device, PRECISIONS["float32"], plan, device, trained=True, mesh=mesh)
    check_stepped(form)
    emit(options, form, lambda out: show_verify(form, out))
    return int(failed)


def trained(options: argparse.Namespace, device: "Device") -> "Form":
    """The training run on the images of ``options``, as a form."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    from compare.arrays.images import load_images
    from compare.cli.streams import progress_bar
    from compare.frameworks.environment import fingerprint
    from compare.measure.training import train
    from compare.measure.training_checkpoint import identity
    from compare.measure.trajectory import TrainingPlan
    from compare.pair import pairs
    from compare.pair.training_recipes import in_words, with_recipe
    from compare.report.form import train_form

    rows = pairs.BATCH if options.batch is None else options.batch
    images, plan = load_images(options.data), TrainingPlan(options.epochs, rows, options.seed)
    pair = pairs.find("mlp", options.data, rows)
    if recipe := getattr(options, "recipe", None) or "":
        pair = with_recipe(pair, recipe, plan.steps(len(images.train_labels)))
    kept = _kept(options, identity(pair, images, plan, recipe, device.name))
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with progress_bar(*columns) as bar:
        task = bar.add_task("", total=plan.steps(len(images.train_labels)))

        def advance(step: int, accuracy: float) -> None:
            bar.update(task, completed=step, description=f"test {accuracy:.1%}")

        training = train(pair, images, device, plan, advance, **kept)
    return train_form(training, fingerprint(device), recipe, in_words(recipe) if recipe else "")


def _kept(options: argparse.Namespace, identity: dict[str, str]) -> "dict[str, Callable[[Progress], None]]":
    """What ``train`` calls to go on from a checkpoint, and to write one, as the options ask for."""
    from compare.cli.streams import remark
    from compare.measure.training_checkpoint import TrainingCheckpoint
    from compare.verdict.counted import counted

    path, resume = getattr(options, "checkpoint", None), getattr(options, "resume", None)
    if path is None:
        return {}
    one = TrainingCheckpoint(Path(path), identity, resume or "both")

    def bring(progress: "Progress") -> None:
        one.bring(progress)
        whose = "" if one.resume == "both" else f", both sides where the {one.resume} stood"
        remark(f"going on from {path}: after {counted(len(progress.steps), 'step')}{whose}")

    return {"keep": one.keep, **({"resume": bring} if resume else {})}


def write_training(form: "Form", folder: Path) -> None:
    """``train.json`` and the picture, in ``folder``."""
    from compare.checkpoints.json_file import write_json
    from compare.report.picture import training_picture

    write_json(folder / "train.json", form)
    training_picture(form, folder / "training.png")
