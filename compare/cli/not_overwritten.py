"""What a command reads is not written over: a user's own file would be lost."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from compare.errors import UsageError, swallowed


def check_not_read(written: str | Path, read: Iterable[str | Path]) -> None:
    """Refuse to write a result over what the command reads: by whatever path, and the shards of an index too.

    Raises:
        UsageError: ``written`` is among them.
    """
    place = os.path.realpath(written)
    if any(os.path.exists(file) and os.path.realpath(file) == place for path in read for file in _files(path)):
        raise UsageError(f"{written}: is read by this command and would be overwritten: name another file to write")


def _files(path: str | Path) -> Iterator[str | Path]:
    yield path
    if os.path.isdir(path) or str(path).endswith(".json"):  # where checkpoints lie in several files
        from compare.checkpoints.checkpoint import UnsoundError
        from compare.checkpoints.sharded import files_of

        try:
            yield from files_of(Path(path))
        except (UnsoundError, OSError) as error:
            swallowed(error)  # whoever reads it says so
