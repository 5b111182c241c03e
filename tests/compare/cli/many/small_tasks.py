"""Tasks that take no time: a line of Python each, whose first argument is where its result goes."""

from compare.cli.many.task import PYTHON, RESULT, Task

WRITE = "import json, sys; json.dump({}, open(sys.argv[1], 'w'))"
MATCH = WRITE.format("{'verdict': 'match', 'pairs': []}")
SLEEP = "import time; time.sleep(600)"


def small(name: str, code: str) -> Task:
    """``-I -S``: without what an installation adds to Python's start."""
    return Task(name, (PYTHON, "-I", "-S", "-c", code, RESULT))
