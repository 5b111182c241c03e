"""``jaxport train``: both sides on real images, every step judged."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.options import add_data, add_epochs, add_shared
from compare.cli.training_options import add_kept, check_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from compare.frameworks.devices import Device
    from compare.measure.training import Progress
    from compare.report.contract import Form

HELP = "both sides on real images, every step judged"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    add_data(parser)
    parser.add_argument("--out", type=Path, help="folder for train.json and the picture of both loss curves")
    parser.add_argument("--recipe", metavar="NAME", help="how both are trained (without it: SGD with momentum)")
    add_kept(parser)
    add_epochs(parser)


def run(options: argparse.Namespace) -> int:
    from compare.checkpoints.atomic import writable_folder
    from compare.cli.chosen_device import device_of
    from compare.cli.streams import emit, remark
    from compare.pair.training_recipes import check_recipe
    from compare.report.terminal import show_training

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
    from compare.measure.training_checkpoint import TrainingCheckpoint

    path, resume = getattr(options, "checkpoint", None), getattr(options, "resume", None)
    if path is None:
        return {}
    one = TrainingCheckpoint(Path(path), identity, resume or "both")
    return {"keep": one.keep, **({"resume": one.bring} if resume else {})}


def write_training(form: "Form", folder: Path) -> None:
    """``train.json`` and the picture, in ``folder``."""
    from compare.checkpoints.json_file import write_json
    from compare.report.picture import training_picture

    write_json(folder / "train.json", form)
    training_picture(form, folder / "training.png")
