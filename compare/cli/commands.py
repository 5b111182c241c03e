"""What each command does: run, show, write. Returns the exit code."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from compare import lessons
from compare.arrays.images import load_images
from compare.checkpoints.atomic import writable_folder
from compare.checkpoints.json_file import to_json, write_json
from compare.errors import UsageError
from compare.frameworks import devices, environment
from compare.frameworks.devices import Device
from compare.lessons import sources
from compare.lessons.handout import handout, lesson_of
from compare.measure.bench import threads
from compare.pair import pair_file, pairs
from compare.pair.pair import Pair
from compare.report import terminal
from compare.report.bench import headline, show_bench
from compare.report.contrast import show_contrast, summary
from compare.report.form import lesson_form, part_form
from compare.report.lesson import show_list, show_mark, show_outcome, show_sources
from compare.verdict.precision import WORKING

Form = dict[str, Any]
QUICK_ROUNDS = 10
PASSED = ("match", "float32_only")
NOT_MARKED = {  # options of verify that a lesson knows nothing of, with their defaults
    "--dtype": "float32", "--probes": "default", "--oracle-device": "same", "--strict": False, "--quick": False,
    "--explain": False, "--every": False, "--no-locate": False, "--record": None, "--against": None,
}  # fmt: skip


def verify(options: argparse.Namespace) -> int:
    """``jaxport verify``."""
    for name in options.pairs:
        _check_pair(name)
    marked = {name: lesson_of(Path(name)) for name in options.pairs if _is_file(name)}
    if any(marked.values()):
        return _mark(options, marked)
    if options.record or options.against:
        return _on_record(options)
    device = _device(options)
    form, failed = _verify(options, device, options.pairs or list(pairs.REGISTRY), WORKING[options.dtype])
    _emit(options, form, lambda out: terminal.show_verify(form, out, options.every, options.explain))
    return int(failed)


def _mark(options: argparse.Namespace, handouts: dict[str, tuple[str, str] | None]) -> int:
    """A student's side of a lesson against the other side."""
    from compare.lessons.run import run

    if len(options.pairs) != 1:
        raise UsageError("verify: a lesson's file is marked alone: give one file at a time")
    for option, default in NOT_MARKED.items():
        if getattr(options, option.strip("-").replace("-", "_")) != default:
            raise UsageError(f"verify: {option} means nothing where a lesson is marked: leave it out")
    ((path, found),) = handouts.items()
    assert found is not None
    name, side = found
    lesson = lessons.find(name)
    device = _device(options)
    with _busy(f"marking {name}"):
        written = getattr(pair_file.module_of(Path(path)), lesson.function, None)
        devices.set_float32_policy()  # again: the file may have set another
        if not callable(written):
            raise UsageError(f"{path}: expected a function {lesson.function}(), found none")
        report = run(lesson, device, options.seed, {side: written})
    form = lesson_form(lesson, report, environment.fingerprint(device)) | {"marked": side, "file": path}
    _emit(options, form, lambda out: show_mark(form, out))
    return int(form["verdict"] not in PASSED)


def _on_record(options: argparse.Namespace) -> int:
    """Half of a verdict: the reference alone, or the port against what was saved of the reference."""
    if options.record and options.against:
        raise UsageError("verify: --record runs the reference, --against judges the port: one at a time")
    if len(options.pairs) != 1:
        raise UsageError("verify: --record and --against take one pair")
    return _record(options) if options.record else _against(options)


def _record(options: argparse.Namespace) -> int:
    from compare.sides import records
    from compare.verification.verification import Plan

    device = devices.choose(options.device, ("torch",))
    plan = Plan(options.seed, options.probes == "all", options.quick)
    oracle = devices.choose("cpu", ("torch",)) if options.oracle_device == "cpu" else device
    with _busy("recording the reference") as say:
        pair = _pair(options.pairs[0], options)
        devices.set_float32_policy(("torch",))
        record = records.take(pair, device, WORKING[options.dtype], plan, oracle, say)
        record.save(Path(options.record))
    print(f"wrote {options.record}: {len(record.facts['runs'])} runs of {pair.name}'s reference")
    return 0


def _against(options: argparse.Namespace) -> int:
    from compare.report.form import verify_form
    from compare.sides.records import Record
    from compare.verification.verification import verify

    record = Record.load(options.against)
    device = devices.choose(options.device, ("jax",))
    oracle = devices.choose("cpu", ("jax",)) if options.oracle_device == "cpu" else device
    with _busy("judging the port") as say:
        pair = _pair(options.pairs[0], options)
        devices.set_float32_policy(("jax",))
        report = verify(pair, device, oracle=oracle, progress=say, record=record)
    form = verify_form([report], environment.fingerprint(device))
    _emit(options, form, lambda out: terminal.show_verify(form, out, options.every, options.explain))
    return int(report.failed(options.strict))


def new(options: argparse.Namespace) -> int:
    """``jaxport new``: imports no framework."""
    if options.file is None and options.lesson is None:
        raise UsageError("new: expected the name of a file to write, such as my_pair.py, or --lesson NAME")
    file = options.file or Path(f"{options.lesson}.py")
    text = handout(lessons.find(options.lesson), options.side, file) if options.lesson else None
    pair_file.write_new(file, text)
    print(f"wrote {file}; run it with: jaxport verify {file}")
    return 0


def train(options: argparse.Namespace) -> int:
    """``jaxport train``."""
    device = _device(options)
    folder = writable_folder(options.out) if options.out else None
    form = _train(options, device)
    if folder:
        _write_training(form, folder)
    _emit(options, form, lambda out: terminal.show_training(form, out))
    if folder:
        _tell(f"wrote {folder / 'train.json'} and {folder / 'training.png'}")
    return int(form["verdict"] != "match")


def convert(options: argparse.Namespace) -> int:
    """``jaxport convert``: with ``--map`` it needs neither model."""
    from compare.checkpoints.convert import Conversion, conversion_of
    from compare.checkpoints.files import read, write

    if options.pair is not None and options.map is not None:
        raise UsageError("convert: --pair and --map both say how to convert: give one of them")
    if options.pair is None and options.map is None:
        raise UsageError("convert: expected --pair FILE.py, whose weight map converts, or --map FILE.json")
    checkpoint = read(options.source)
    if options.map:
        conversion = Conversion.load(options.map)
    else:
        _check_pair(options.pair)
        with _busy("finding the weight map"):
            conversion = conversion_of(_pair(options.pair, options), options.seed)
    made, notes = conversion.converted(checkpoint)
    write(options.target, made, options.format)
    if options.save_map:
        conversion.save(Path(options.save_map))
    for note in [f"{what}: {text}" for what, text in checkpoint.metadata.items()] + notes:
        _tell(note)
    print(f"wrote {options.target}: {len(made.arrays)} arrays of the {made.side}, from {len(checkpoint.arrays)}")
    return 0


def bench(options: argparse.Namespace) -> int:
    """``jaxport bench``: before anything else the threads, which neither framework changes once it runs."""
    _check_pair(options.pair)
    threads.pin(options.threads)
    device = _device(options)
    with _busy(f"timing {options.pair}") as say:
        from compare.measure.bench.bench import bench
        from compare.report.form import bench_form

        pair = _pair(options.pair, options)
        rounds = QUICK_ROUNDS if options.quick else options.rounds
        made = bench(pair, device, options.threads, rounds, options.seed, not options.quick, say)
        form = bench_form(made, environment.fingerprint(device))
    _emit(options, form, lambda out: show_bench(form, out))
    return int(bool(_differing(form)))


def contrast(options: argparse.Namespace) -> int:
    """``jaxport contrast``."""
    _check_pair(options.pair)
    form = _contrast(options, _device(options), options.pair)
    _emit(options, form, lambda out: show_contrast(form, out))
    return 0


def read(options: argparse.Namespace) -> int:
    """``jaxport read``: lists without a framework; shows a lesson's sources at once, then runs it."""
    if options.lesson is None:
        known = {name: lesson.title for name, lesson in lessons.LESSONS.items()}
        parts = {name: sources.summary(sources.both(*where)[0].text) for name, where in lessons.PARTS.items()}
        _emit(options, {"lessons": known, "parts": parts}, lambda out: show_list(known, parts, out))
        return 0
    if options.lesson in lessons.PARTS:
        where = lessons.PARTS[options.lesson]
        shown = [part_form(where[1], *sources.both(*where))]
        _emit(options, {"lesson": options.lesson, "sources": shown}, lambda out: show_sources(shown, out))
        return 0
    return _lesson(options, lessons.find(options.lesson))


def _lesson(options: argparse.Namespace, lesson: "lessons.Lesson") -> int:
    """Its sources, then what both sides return and the verdict."""
    out = terminal.console()
    form = lesson_form(lesson, None, None)
    if options.json != "-":
        show_sources(form["sources"], out)
    if not options.no_run:
        from compare.lessons.run import run

        with _busy(f"running {lesson.name}"):
            device = _device(options)
            report = run(lesson, device, options.seed)
        form = lesson_form(lesson, report, environment.fingerprint(device))
        if options.json != "-":
            show_outcome(form, out)
    _write_json_option(options, form)
    return int(form["verdict"] not in (None, *PASSED))


def env(options: argparse.Namespace) -> int:
    """``jaxport env``."""
    form = environment.fingerprint(_device(options))
    _emit(options, form, lambda out: terminal.show_environment(form, out))
    return 0


def book(options: argparse.Namespace) -> int:
    """``jaxport book``: every lesson run once, and the site written from what came out."""
    from compare.report.book.build import build
    from compare.report.book.folder import ready
    from compare.report.book.told import show_book

    ready(options.out)
    device = _device(options)
    with _busy("building the book") as say:
        form = build(options.out, device, options.seed, lessons.LESSONS.values(), say)
    _emit(options, form, lambda out: show_book(form, options.out, out))
    return int(form["verdict"] not in PASSED)


def main_job(options: argparse.Namespace) -> int:
    """The main job: verify every pair on real images, train both sides, write the report, say where to look."""
    device = _device(options)
    folder = writable_folder(options.out)
    verified, failed = _verify(options, device, list(pairs.REGISTRY), WORKING["float32"])
    write_json(folder / "verify.json", verified)
    out = terminal.console() if options.json != "-" else Console(stderr=True)
    terminal.show_verify(verified, out)
    trained = _train(options, device)
    _write_training(trained, folder)
    terminal.show_training(trained, out)
    contrasted = _contrast(options, device, "mlp")
    write_json(folder / "contrast.json", contrasted)
    timed = _bench_apart(options, device)
    if timed:
        write_json(folder / "bench.json", timed)
    _show_other_uses(contrasted, timed, out)
    both = {"verify": verified, "train": trained}
    _write_json_option(options, {"schema": 1, **both, "contrast": contrasted, "bench": timed})
    matched = not failed and trained["verdict"] == "match" and not _differing(timed)
    word = "The port is the same function." if matched else "The port is NOT the same function."
    if matched and any(pair["notices"] for pair in verified["pairs"]):
        word = "The port is the same function in float64; mind the notices."
    out.print(
        f"{word} See {folder / 'training.png'}; every number is in {folder / 'verify.json'} and train.json.",
        markup=False,
        soft_wrap=True,
    )
    return int(not matched)


def _device(options: argparse.Namespace) -> Device:
    """The device, once what was typed beside it is known to be usable."""
    if getattr(options, "data", None):
        load_images(options.data)
    with _busy("loading both frameworks"):
        device = devices.choose(options.device)
    _tell(f"device: {device.name} ({environment.device_name(device)})")
    return device


def _verify(options: argparse.Namespace, device: Device, names: list[str], precision: Any) -> tuple[Form, bool]:
    from compare.report.form import verify_form
    from compare.verification.verification import Plan, verify

    plan = Plan(
        options.seed,
        all_probes=getattr(options, "probes", "default") == "all",
        quick=getattr(options, "quick", False),
        locate=not getattr(options, "no_locate", False),
    )
    strict = getattr(options, "strict", False)
    oracle = devices.choose("cpu") if getattr(options, "oracle_device", "same") == "cpu" else device
    reports = []
    for name in names:
        with _busy(f"verifying {name}") as say:
            found = _pairs(name, options)
            devices.set_float32_policy()  # again: a user's file may have set another
            for pair in found:
                reports.append(verify(pair, device, precision, plan, oracle, partial(_say_what, say, pair.name)))
    form = verify_form(reports, environment.fingerprint(device))
    return form, any(report.failed(strict) for report in reports)


def _check_pair(name: str) -> None:
    """Refuse what is neither a file nor a pair's name, before anything slow is imported."""
    if _is_file(name):
        if not Path(name).is_file():
            raise UsageError(f"{name}: there is no such file")
    else:
        pairs.check_name(name)


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _pairs(name: str, options: argparse.Namespace) -> list[Pair]:
    """What a name on the command line stands for: one of the project's pairs, or those of a file."""
    return (
        pair_file.load(Path(name))
        if _is_file(name)
        else [pairs.find(name, getattr(options, "data", None), getattr(options, "batch", pairs.BATCH))]
    )


def _pair(name: str, options: argparse.Namespace) -> Pair:
    """The one pair that a name stands for."""
    found = _pairs(name, options)
    if len(found) > 1:
        raise UsageError(f"{name}: defines {len(found)} pairs, and this command takes one")
    return found[0]


def _train(options: argparse.Namespace, device: Device) -> Form:
    from compare.measure.training import train
    from compare.measure.trajectory import Plan
    from compare.report.form import train_form

    images, plan = load_images(options.data), Plan(options.epochs, options.batch, options.seed)
    pair = pairs.find("mlp", options.data, options.batch)
    with _bar(TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")) as bar:
        task = bar.add_task("", total=plan.steps(len(images.train_labels)))
        training = train(
            pair,
            images,
            device,
            plan,
            lambda step, accuracy: bar.update(task, completed=step, description=f"test {accuracy:.1%}"),
        )
    return train_form(training, environment.fingerprint(device))


def _contrast(options: argparse.Namespace, device: Device, name: str) -> Form:
    from compare.measure.contrast.contrast import contrast
    from compare.report.form import contrast_form

    with _busy(f"taking {name} apart"):
        pair = _pair(name, options)
        return contrast_form(contrast(pair, device, options.seed), environment.fingerprint(device))


def _bench_apart(options: argparse.Namespace, device: Device) -> Form | None:
    """``jaxport bench mlp --quick`` in a process of its own: here both frameworks have their threads already."""
    command = [sys.executable, "-m", "compare", "bench", "mlp", "--quick", "--json", "-", "--device", device.name]
    command += ["--seed", str(options.seed), "--batch", str(options.batch)]
    command += ["--data", str(options.data)] if options.data else []
    with _busy("timing mlp in a process of its own"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:  # it could not run; where a variant is another function, the form says so
        _tell(f"bench: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
        return None
    return dict(json.loads(done.stdout))


def _differing(timed: Form | None) -> list[str]:
    """The benchmark's variants that are another function than torch eager."""
    return [row["name"] for row in timed["rows"] if row["verdict"] in ("mismatch", "invalid")] if timed else []


def _show_other_uses(contrasted: Form, timed: Form | None, out: Console) -> None:
    """A few lines of what else there is, each with its command."""
    out.print(Text("contrast: jaxport contrast mlp", style="bold"))
    for line in summary(contrasted):
        out.print(Text(line))
    out.print(Text("bench: jaxport bench mlp", style="bold"))
    out.print(Text(headline(timed) if timed else "not timed; run the command for the reason"))
    out.print(Text("read: jaxport read mlp", style="bold"))
    out.print(Text("both sources beside each other; jaxport read lists what there is"))
    out.print()


def _write_training(form: Form, folder: Path) -> None:
    from compare.report.picture import training_picture

    write_json(folder / "train.json", form)
    training_picture(form, folder / "training.png")


def _emit(options: argparse.Namespace, form: Form, show: Any) -> None:
    """The result to standard output as text, or as JSON alone where ``--json -`` asks for that."""
    if options.json != "-":
        show(terminal.console())
    _write_json_option(options, form)


def _write_json_option(options: argparse.Namespace, form: Form) -> None:
    if options.json == "-":
        sys.stdout.write(to_json(form))
    elif options.json:
        write_json(Path(options.json), form)


def _say_what(say: Callable[[str], None], name: str, text: str) -> None:
    say(f"verifying {name}: {text}")


@contextmanager
def _busy(text: str) -> Iterator[Any]:
    """A spinner with what is going on."""
    with _bar(SpinnerColumn(), TextColumn("{task.description}")) as bar:
        task = bar.add_task(text)
        yield lambda now: bar.update(task, description=now)


def _bar(*columns: ProgressColumn) -> Progress:
    """A progress bar on standard error; silent where that is no terminal."""
    console = Console(stderr=True)
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
