"""What a worker of the study does; imported by name, so that a spawned process finds it."""

import sys
import warnings
from typing import Any

CLEARED_AFTER = 20  # cases until the compiled programs are given up


def work(job: tuple[int, int, int, bool]) -> list[dict[str, Any]]:
    """The rows of one case in a worker; what raises is part of a row."""
    from benchmarks.study.case import run  # here, so that the process that waits imports no framework

    warnings.simplefilter("ignore")
    seed, number, draws, named = job
    if number % CLEARED_AFTER == 0 and (jax := sys.modules.get("jax")):
        jax.clear_caches()
    try:
        return run(seed, number, draws, named)
    except Exception as error:  # a case that breaks must not stop the others, and is counted
        return [{"case": number, "draw": 0, "seed": seed, "broken": f"{type(error).__name__}: {error}"}]
