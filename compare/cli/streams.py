"""Where a command speaks: results to standard output, progress and remarks to standard error."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from compare.checkpoints.json_file import to_json, write_json
from compare.cli.held import begun, hold
from compare.cli.results import results
from compare.report import terminal
from compare.sides.progress import Log, Within

STARTING = 2  # stages in which both models run for the first time: the weight map, the pair's own batch
STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")  # while a command runs these lead elsewhere


def emit(options: argparse.Namespace, form: Mapping[str, object], show: Callable[[Console], None]) -> None:
    """The result to standard output as text, or as JSON alone where ``--json -`` asks for that."""
    if options.json != "-":
        show(terminal.console(results()))
    write_json_option(options, form)


def write_json_option(options: argparse.Namespace, form: Mapping[str, object]) -> None:
    """The result as ``--json`` asks for it, if it does."""
    if options.json in STANDARD_OUTPUT:
        results().write(to_json(form))
    elif options.json:
        write_json(Path(options.here, options.json), form)  # a pair's file may have gone to another folder


def remark(text: str) -> None:
    """One line to standard error."""
    print(text, file=sys.stderr)


@contextmanager
def busy(text: str) -> Iterator[Callable[[str], None]]:
    """A spinner with what is going on; called with a stage, it says that instead. Where nobody watches, each stage is a
    line. What is held is said when both models have run once: until then a comparison may turn out unable to start; and
    when it has gone on for long."""
    stages, log = 0, Log()
    with progress_bar(SpinnerColumn(), TextColumn("{task.description}")) as bar:
        task = bar.add_task(text)

        def say(stage: str) -> None:
            nonlocal stages
            within = isinstance(stage, Within)
            stages += not within
            if not bar.disable:
                bar.update(task, description=stage)
            elif log.has(stage):
                hold(stage)
                stages = STARTING + 1 if within else stages
            if stages > STARTING:
                begun()

        yield say
    begun()


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner with what is waited for, before anything has begun."""
    with progress_bar(SpinnerColumn(), TextColumn("{task.description}")) as bar:
        bar.add_task(text)
        yield


def naming(of: str, say: Callable[[str], None]) -> Callable[[str], None]:
    """``say`` with what it is a stage of in front."""
    return lambda stage: say(type(stage)(f"{of}: {stage}"))


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A progress bar on standard error; silent where that is no terminal."""
    console = Console(stderr=True, force_jupyter=False)
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
