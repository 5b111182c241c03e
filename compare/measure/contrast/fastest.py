"""Processor time of the fastest of a few calls: what else a machine does only makes one longer."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def fastest(step: Callable[[], Result], calls: int) -> tuple[Result, float]:
    """What the last of some calls returned, and the processor seconds of the fastest.

    Args:
        calls: at least one.
    """
    least = float("inf")
    for _ in range(calls):
        begin = time.process_time()
        result = step()
        least = min(least, time.process_time() - begin)
    return result, least
