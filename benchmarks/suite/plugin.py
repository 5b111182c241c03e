"""A pytest plugin that writes down what each test file costs: `-p plugin`, into the folder $SUITE_PROFILE.

Processor time of each process and of the processes that it started, and inside it what JAX spends on tracing, lowering
and compiling. The rest, running and everything else, is what remains. JAX tells the wall time of these phases; of each
test they get the share of processor time that they have of the wall time, or other work on the machine would count.
"""

import json
import os
import resource
import time
from collections import defaultdict
from pathlib import Path

import pytest

PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
START_WALL = time.monotonic()

files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
here = ["(collect)"]
last = [0.0, START_WALL]  # processor and wall seconds that have been accounted for
phases: dict[str, float] = defaultdict(float)  # wall seconds since
spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
listening = []


def processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def listen() -> None:
    """From the moment that JAX is there."""
    import sys

    if listening or "jax.monitoring" not in sys.modules:
        return
    sys.modules["jax.monitoring"].register_event_duration_secs_listener(note)
    listening.append(True)


def note(event: str, seconds: float, **_: object) -> None:
    """One phase of one program: one inside another (a program traced while another is) is part of it."""
    if event in PHASES:
        end, taken = time.monotonic(), spans[event]
        inside = 0.0
        while taken and taken[-1][0] >= end - seconds:
            begun, ended = taken.pop()
            inside += ended - begun
        taken.append((end - seconds, end))
        phases[PHASES[event]] += seconds - inside


def account() -> None:
    """What was used since the last call belongs to the file that was at work."""
    processor, wall = processor_seconds(), time.monotonic()
    used, took = processor - last[0], wall - last[1]
    costs = files[here[0]]
    costs["processor"] += used
    for phase, seconds in phases.items():
        costs[phase] += seconds * used / took
    phases.clear()
    last[:] = processor, wall


def pytest_collection_finish(session: object) -> None:
    listen()
    account()


def pytest_runtest_logstart(nodeid: str, location: object) -> None:
    listen()
    account()
    here[0] = nodeid.split("::")[0]
    files[here[0]]["tests"] += 1


def pytest_runtest_logfinish(nodeid: str, location: object) -> None:
    listen()
    account()


def pytest_sessionfinish(session: pytest.Session, exitstatus: object) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if worker == "main" and getattr(session.config.option, "dist", "no") != "no":
        return  # it hands out tests, and would count its workers again
    account()
    folder = Path(os.environ["SUITE_PROFILE"])
    (folder / f"{worker}-{os.getpid()}.json").write_text(json.dumps(files))
