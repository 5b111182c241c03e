"""Tasks on this machine, so many at once."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from compare.cli.many.child import PAUSE, Child
from compare.cli.many.task import Ended, Task
from compare.measure.bench.load import cores
from compare.sides.progress import say_nothing

THREADS = "OMP_NUM_THREADS"


def in_processes(
    tasks: Sequence[Task], limit: float, at_once: int = 1, at_work: Callable[[list[str]], None] = say_nothing
) -> Iterator[tuple[Task, Ended]]:
    """Each task as it ends. Whoever stops to ask, or is interrupted, has ended those that run.

    Args:
        limit: seconds of one task.
        at_work: told the names of the tasks that run, whenever these change.
    """
    waiting, running = deque(tasks), dict[Task, Child]()
    shared = threads_each(at_once)
    try:
        while waiting or running:
            begun = False
            while waiting and len(running) < at_once:
                running[waiting[0]] = Child(waiting[0], limit, shared)
                waiting.popleft()
                begun = True
            if begun:
                at_work([task.name for task in running])
            done = [(task, ended) for task, child in running.items() if (ended := child.ended()) is not None]
            for task, _ in done:
                del running[task]
            yield from done
            if not done:
                time.sleep(PAUSE)
    finally:
        for child in running.values():  # all of them first: they end at the same time
            child.ask()
        for child in running.values():
            child.end()


def threads_each(at_once: int) -> dict[str, str]:
    """The variable by which each of so many processes takes its part of the processors: threads of torch's that wait
    for each other spin. Nothing where one runs alone, or where the user has said how many."""
    if at_once == 1 or os.environ.get(THREADS):
        return {}
    return {THREADS: str(max(1, cores() // at_once))}
