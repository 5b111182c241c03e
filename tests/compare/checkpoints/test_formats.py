"""The rows of the formats: each whole, and nothing else needed to know a format."""

import subprocess
import sys
from pathlib import Path

import pytest

from compare.checkpoints.formats import FORMATS, ROWS, by_suffix, suffixes

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_its_file(row):
    """Which recognises, reads and writes; every suffix leads to it, in capitals too, and stands in the messages."""
    assert all(callable(getattr(row.codec, name)) for name in ("recognised", "read", "write"))
    for suffix in row.suffixes:
        assert by_suffix(Path(f"a/b{suffix.upper()}")) is row
        assert suffix in suffixes()


def test_no_two_rows_say_the_same():
    """Neither a name nor words nor a suffix."""
    every = [suffix for row in ROWS for suffix in row.suffixes]
    assert len(set(every)) == len(every)
    assert len(FORMATS) == len(ROWS) == len({row.words for row in ROWS})


def test_a_name_without_a_suffix_is_a_folders():
    """Orbax's folders often have none; an unknown suffix is nobody's."""
    assert by_suffix(Path("checkpoint")).name == "orbax"
    assert by_suffix(Path("a.h5")) is None


def test_a_format_is_named_in_its_row_alone():
    """No other file of the room compares with a format's name, or lists suffixes."""
    for path in (ROOT / "compare" / "checkpoints").glob("*.py"):
        if path.stem not in {"formats", *(row.file for row in ROWS)}:
            text = path.read_text()
            assert not [row.name for row in ROWS if f'"{row.name}"' in text], path
            assert not [suffix for row in ROWS for suffix in row.suffixes if f'"{suffix}"' in text], path


def test_the_rows_are_read_without_loading_anything():
    """The command line's help reads them."""
    program = "import sys; from compare.checkpoints import formats; print({'numpy', 'torch', 'jax'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "set()\n"
