"""The picture of a training run."""

import struct
import zlib
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from compare.measure.trajectory import Training
from compare.report.form import train_form
from compare.report.picture import training_picture
from compare.verdict.verdict import Verdict
from tests.compare.measure.test_drift import FLIP, step, training

DRIFTS = ("drift_32", "drift_64", "envelope", "departure")
LOSSES = ("loss_reference", "loss_port", "loss_gap_64")


def _drawn(run: Training, path: Path) -> bytes:
    training_picture(train_form(run, {}), path)
    return path.read_bytes()


def _chunks(png: bytes) -> dict[bytes, bytes]:
    """Each chunk of a PNG file by its type, its checksum checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        chunks[kind] = chunks.get(kind, b"") + data
        at += 12 + size
    return chunks


def _assert_picture(png: bytes) -> None:
    """Of 9 by 8 inches, whole to its end, and not one colour."""
    chunks = _chunks(png)
    width, height, depth = struct.unpack(">IIB", chunks[b"IHDR"][:9])
    assert (width, height, depth) == (990, 880, 8)
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert len(pixels) == height * (1 + 4 * width)
    assert len(set(pixels)) > 100
    assert b"IEND" in chunks


RUNS: dict[str, Training] = {
    "sound": training(),
    "one step": training(step(1)),
    "flips": training(first_flip=FLIP, first_departure=FLIP),
    "zero losses": training(step(1, **dict.fromkeys(LOSSES, 0.0)), step(2, **dict.fromkeys(LOSSES, 0.0))),
    "zero drifts": training(step(1, **dict.fromkeys(DRIFTS, 0.0)), step(2, **dict.fromkeys(DRIFTS, 0.0))),
    "nothing at all": training(step(1, **dict.fromkeys((*LOSSES, *DRIFTS), 0.0))),
    "NaN on the way": training(step(1), step(2, **dict.fromkeys((*LOSSES, *DRIFTS), nan))),
    "NaN on one side": training(step(1), step(2, loss_port=nan)),
    "infinite on the way": training(step(1), step(2, **dict.fromkeys((*LOSSES, *DRIFTS), inf))),
    "NaN alone": training(step(1, **dict.fromkeys((*LOSSES, *DRIFTS), nan)), verdict=Verdict.INVALID),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_run_has_a_picture(tmp_path: Path, run: Training) -> None:
    """A whole PNG without a warning; zero and non-finite values have no place on a logarithmic axis."""
    _assert_picture(_drawn(run, tmp_path / "training.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["training.png"]


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """No date, no version: a picture under version control changes when the run does."""
    first, second = (_drawn(training(), tmp_path / name) for name in ("first.png", "second.png"))
    assert first == second
    assert first != _drawn(training(step(1), step(2)), tmp_path / "other.png")


def test_no_screen_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn where there is no display, and whatever backend the user has set."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("MPLBACKEND", "tkagg")
    _assert_picture(_drawn(training(), tmp_path / "training.png"))


def _titles(path: Path, run: Training, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    from matplotlib.figure import Figure

    said: list[Any] = []
    monkeypatch.setattr(Figure, "suptitle", lambda self, text, **_: said.append(text))
    _drawn(run, path)
    return said


def test_the_title_names_the_images_and_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the run used."""
    (title,) = _titles(tmp_path / "training.png", training(data="some images"), monkeypatch)
    assert title.endswith(": some images, cpu")


def test_a_name_with_dollars_is_no_formula(tmp_path: Path) -> None:
    """A user's path may hold what matplotlib takes for mathematics."""
    _assert_picture(_drawn(training(data="/home/me/$x_{$/images"), tmp_path / "training.png"))
