"""The same number of threads for both frameworks: set before they start, and verified by what a product uses."""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.measure.bench.load import cores

PRODUCT = 1024  # side of the square product whose processor time is measured
TOLERANCE = 1.25  # times the threads asked for: above, more ran than were asked for


def pin(threads: int) -> None:
    """Ask for ``threads`` in every way that either framework listens to, and for compilers that start cold.

    Call it before both are imported.

    XLA's CPU client reads NPROC; OpenMP and MKL, which torch uses, have variables of their own. The process's affinity
    is left alone: it would hide a side that starts more threads than it may run.

    Raises:
        UsageError: the machine has fewer processors.
    """
    if threads > cores():
        raise UsageError(f"--threads {threads}: expected at most {cores()}, as many as there are processors")
    for name in ("NPROC", "PJRT_NPROC", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    # A thread that has nothing to do sleeps: one that spins takes the processor from the other framework's threads.
    os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    # What torch's profiler says of itself, and of memory that is older than it, on standard error.
    os.environ |= {"KINETO_LOG_LEVEL": "99", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    cold = tempfile.mkdtemp(prefix="jaxport-compiled-")  # the first process finds nothing here, those after it do
    os.environ |= {
        "TORCHINDUCTOR_CACHE_DIR": f"{cold}/inductor",
        "JAX_COMPILATION_CACHE_DIR": f"{cold}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    atexit.register(shutil.rmtree, cold, ignore_errors=True)


def verify_threads(threads: int, device: Device) -> dict[str, float]:
    """How many threads share a product on each side: those that really run.

    Raises:
        UsageError: a side runs more or clearly fewer threads than were asked for, or was started before ``pin``.
    """
    import jax
    import torch

    from compare.arrays.arrays import to_jax, to_torch
    from compare.verdict.precision import FLOAT32

    torch.set_num_threads(threads)
    if device.name == "gpu":
        return {}
    square = np.random.default_rng(0).standard_normal((PRODUCT, PRODUCT), dtype=np.float32)
    on_torch, on_jax = to_torch(square, FLOAT32, device.torch), to_jax(square, FLOAT32, device.jax)
    product = jax.jit(lambda x: x @ x)
    used = {
        "torch": _sharing(lambda: on_torch @ on_torch),
        "jax": _sharing(lambda: product(on_jax).block_until_ready()),
    }
    for side, count in used.items():
        # Where all processors were asked for there are no more to take, however many threads take turns on them.
        more = count > TOLERANCE * threads and threads < cores()
        if more or (threads > 1 and count < threads / TOLERANCE**2):
            raise UsageError(
                f"{side} shared a product among {count:.1f} threads where {threads} were asked for: "
                "is the machine busy with something else?"
            )
    return used


def _sharing(run: Callable[[], object], repeats: int = 8, tries: int = 3) -> float:
    """The threads that share the work of ``run``: all processor time over that of the busiest. The largest of a few
    tries: where other work holds a thread up, the others take over its part."""
    run()
    figures = []
    for _ in range(tries):
        wall, before = time.perf_counter(), _processor_times()
        for _ in range(repeats):
            run()
        used = [now - before.get(thread, 0.0) for thread, now in _processor_times().items()]
        # Without the kernel's list of threads the process is all there is: how many processors did it keep busy?
        busiest = max(used) if len(used) > 1 else time.perf_counter() - wall
        figures.append(sum(used) / busiest if busiest else 0.0)
    return max(figures)


def _processor_times() -> dict[str, float]:
    """Processor seconds of each thread of this process; of the process alone where the kernel does not tell."""
    tick, times = os.sysconf("SC_CLK_TCK"), {}
    for path in Path("/proc/self/task").glob("*/stat"):
        with suppress(OSError):  # a thread that has ended meanwhile
            after_name = path.read_text().rpartition(")")[2].split()
            times[path.parent.name] = (int(after_name[11]) + int(after_name[12])) / tick
    return times if len(times) > 1 else {"": time.process_time()}
