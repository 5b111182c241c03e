"""What a worker of the study does; imported by name, so that a spawned process finds it."""

import sys
import warnings
from typing import Any

CLEARED_AFTER = 20  # cases until the compiled programs are given up


def work(job: tuple[int, int]) -> dict[str, Any]:
    """One case in a worker; what raises is part of the row."""
    from benchmarks.study.case import run  # here, so that the process that waits imports no framework

    warnings.simplefilter("ignore")
    seed, number = job
    if number % CLEARED_AFTER == 0 and (jax := sys.modules.get("jax")):
        jax.clear_caches()
    try:
        return run(seed, number)
    except Exception as error:  # a case that breaks must not stop the others, and is counted
        return {"case": number, "seed": seed, "broken": f"{type(error).__name__}: {error}"}
