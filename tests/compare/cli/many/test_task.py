"""A task's command, filled in where it runs."""

import sys
from pathlib import Path

from compare.cli.itself import itself
from compare.cli.many.task import JAXPORT, PYTHON, RESULT, filled


def test_what_is_known_only_where_it_runs_is_filled_in():
    """Whole words alone: a file may be called anything."""
    result = Path("somewhere", "result.json")
    assert filled((JAXPORT, "verify", "a{result}.py", "--json", RESULT), result) == [
        *itself("verify", "a{result}.py", "--json"),
        str(result),
    ]
    assert filled((PYTHON, "-c", "pass"), result) == [sys.executable, "-c", "pass"]
