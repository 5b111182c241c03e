"""What is dear is made once for all workers of a run, by whichever comes first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> tuple[Any, Path]:
    """What ``make`` came to in the empty folder ``name`` that it was given, as JSON brings it back, and that folder.

    Workers share the folder above their own; the others wait for the first. If that one fails, the next one tries.
    """
    own = factory.getbasetemp()
    place = (own.parent if own.name.startswith("popen-") else own) / "once" / name
    place.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f"{name}.json")
    with FileLock(place.with_name(f"{name}.lock")):
        if not made.exists():
            made.write_text(json.dumps(make(place)))
    return json.loads(made.read_text()), place
