"""Tasks handed to Ray, on this machine or on a running cluster: which worker takes which and when, and what is done
about a worker that dies, is Ray's own to say.

Each task is a process there too, started by the worker, so that its word is the single command's. The files must lie on
every node where they lie here, as on a shared disk, or come with the job (``ray job submit --working-dir``).
"""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import compare
from compare.cli.many.child import run
from compare.cli.many.local_sources import is_installed
from compare.cli.many.task import Ended, Task
from compare.errors import UsageError, printable, swallowed
from compare.sides.progress import say_nothing

MISSING = "--engine ray: Ray is not installed here: pip install ray, or leave --engine out"
HERE = "local"  # Ray's own word for a cluster that is begun now, on this machine
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONG = 300
CANCELLED_WITHIN = 10.0  # seconds that workers have for ending what they started


def check_ray() -> None:
    """Refuse to begin where it is missing.

    Raises:
        UsageError: it is.
    """
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise UsageError(MISSING) from error


def on_ray(
    tasks: Sequence[Task],
    limit: float,
    at_once: int | None = None,
    at_work: Callable[[list[str]], None] = say_nothing,
    address: str | None = None,
    gpus: float = 0,
) -> Iterator[tuple[Task, Ended]]:
    """Each task as it ends. Whoever stops to ask, or is interrupted, has cancelled the others.

    Args:
        limit: seconds of one task, once it has begun.
        at_once: processors of a cluster that is begun here; Ray's own default is all there are.
        address: of a running cluster.
        gpus: that each task takes, of those that Ray has.

    Raises:
        UsageError: Ray is missing, or there is no such cluster.
    """
    check_ray()
    import ray

    where = address or os.environ.get("RAY_ADDRESS") or HERE
    try:
        with _own_signals():
            ray.init(
                address=where,
                num_cpus=at_once if where == HERE else None,
                include_dashboard=False if where == HERE else None,
                runtime_env=_packages() if where == HERE else None,
                log_to_driver=False,
                logging_level="error",
            )
    except Exception as error:
        swallowed(error)
        raise UsageError(f"--engine ray: no cluster at {where} ({' '.join(str(error).split())[:200]})") from error
    try:
        remote = ray.remote(num_gpus=gpus)(_on_worker)
        waiting = {remote.remote(task, limit, os.getcwd()): task for task in tasks}
        try:
            while waiting:
                (done,), _ = ray.wait(list(waiting), num_returns=1)
                yield waiting.pop(done), _ended(done)
        finally:
            for one in waiting:
                ray.cancel(one, force=False)
            if waiting:
                ray.wait(list(waiting), num_returns=len(waiting), timeout=CANCELLED_WITHIN)
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray begins by answering signals in a way of its own, which ends the program: then stands what stood before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _packages() -> dict[str, dict[str, str]] | None:
    """How workers here find this package where it runs from a checkout; an installed one they find themselves."""
    around = Path(compare.__file__).resolve().parents[1]
    if is_installed(around):
        return None
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(around)]))
    return {"env_vars": {"PYTHONPATH": path}}


def _on_worker(task: Task, limit: float, folder: str) -> Ended:
    """The task, in the folder where the command was given, or in what came with the job in its place."""
    return run(task, limit, folder if os.path.isdir(folder) else None)


def _ended(reference: object) -> Ended:
    """How a task ended; what Ray gave up after its own retries has no result."""
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        swallowed(error)
        text = " ".join(COLOURS.sub("", str(error)).split())
        return Ended(None, 0.0, None, "", printable(f"Ray: {type(error).__name__}: {text[:LONG]}"))
