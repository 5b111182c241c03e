"""Arrays that savers have been known to lose, and what every test of a format asks of them."""

import contextlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from compare.checkpoints.checkpoint import Checkpoint, Side
from compare.checkpoints.files import read, write
from compare.checkpoints.formats import ROWS
from compare.errors import UsageError

SUFFIX = {row.name: row.suffixes[0] for row in ROWS}
SIDES: dict[str, tuple[Side, ...]] = {row.name: (row.only,) if row.only else ("reference", "port") for row in ROWS}
CASES = [(format, side) for format, sides in SIDES.items() for side in sides]


def hard(side: Side) -> dict[str, np.ndarray]:
    """Every layout, width and shape that is easily lost, in an order that is not the alphabet's."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 256, 24, dtype=np.uint8)  # NaN patterns and negative zeros among them
    grid = rng.standard_normal((4, 6)).astype(np.float32)
    arrays = {
        "z last.first": grid,
        "net.0.transposed": grid.T,
        "net.0.strided": grid[::2, ::-1],
        "net.0.bfloat16": bits.view(ml_dtypes.bfloat16).reshape(3, 4).T,
        "net.0.float8": bits.view(ml_dtypes.float8_e4m3fn),
        "net.0.float8_e5m2": bits.view(ml_dtypes.float8_e5m2),
        "net.0.float16": bits.view(np.float16),
        "net.0.float64": np.array([np.pi, np.nan, -np.inf, -0.0, 5e-324]),
        "net.0.int8": bits.view(np.int8),
        "net.0.int64": np.array([2**62 + 1, -(2**63)]),
        "net.0.bool": np.array([[True], [False]]),
        "net.0.big_endian": np.arange(3, dtype=">f4"),
        "net.0.count": np.array(7, np.int64),
        "net.0.scale": np.array(1.5, ml_dtypes.bfloat16),
        "net.0.flag": np.array(True),
        "net.0.empty": np.zeros((0, 3), np.float32),
        "net.0.empty_bfloat16": np.zeros((2, 0), ml_dtypes.bfloat16),
        "größe.重み": np.arange(2, dtype=np.uint8),
        "a.first": np.arange(6, dtype=np.complex64),
    }
    return arrays if side == "reference" else {f"params/{name.replace('.', '/')}": a for name, a in arrays.items()}


def sample(format: str, side: Side) -> Checkpoint:
    """The hard arrays as a checkpoint of ``format``."""
    return Checkpoint(side, format, hard(side))


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """The same names in the same order, and each array the same to the last bit, in the machine's own byte order."""
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        native = array.astype(array.dtype.newbyteorder("="))
        assert found[name].dtype == native.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == native.tobytes(), name
        assert found[name].flags.c_contiguous, name


def complaint(path: Path) -> str:
    """What ``read`` says of a bad file: one line that begins with the file's name."""
    with pytest.raises(UsageError) as caught:
        read(path)
    return one_line(path, caught.value)


def write_complaint(path: Path, checkpoint: Checkpoint, format: str | None = None) -> str:
    """What ``write`` says instead of writing."""
    with pytest.raises(UsageError) as caught:
        write(path, checkpoint, format)
    return one_line(path, caught.value)


def one_line(path: Path, error: UsageError) -> str:
    message = str(error)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()  # so no line break and no colour code
    assert "Traceback" not in message
    return message


@contextlib.contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Nobody may touch ``path``, not even root, as whom tests may run."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        if os.getuid() == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(os.getuid())
        path.chmod(mode)


class Evil:
    """A pickle of this makes a folder where it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def assert_evil_works(folder: Path) -> None:
    """The pickle does run where nothing stops it; without this a test against it proves nothing."""
    pickle.loads(pickle.dumps(Evil(folder / "ran")))
    (folder / "ran").rmdir()
