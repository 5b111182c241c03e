"""Two checkpoints beside each other where they lie, and how much of them is there at once."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.views import transposed
from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import Conversion
from compare.checkpoints.files import write
from compare.checkpoints.two_files import judged_files
from compare.errors import UsageError
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap

COUNT, SIZE = 12, 512  # arrays of one MiB each
NAMES = [f"layers.{at}.weight" for at in range(COUNT)]
PATHS = [f"params/layers_{at}/kernel" for at in range(COUNT)]
SHAPE = (SIZE, SIZE)
CONVERSION = Conversion(
    WeightMap(Entry(name, path, transposed(1, 0)) for name, path in zip(NAMES, PATHS, strict=True)),
    dict.fromkeys(NAMES, SHAPE),
    dict.fromkeys(PATHS, SHAPE),
    {},
    {},
    {},
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Both sides' weights, equal; and the port's with two layers exchanged."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(SHAPE, dtype=np.float32) for name in NAMES}
    reference = Checkpoint("reference", "safetensors", arrays)
    write(folder / "reference.safetensors", reference)
    port = CONVERSION.converted(reference)[0]
    write(folder / "port.safetensors", port)
    first, second = PATHS[3], PATHS[4]
    swapped = dict(port.arrays) | {first: port.arrays[second], second: port.arrays[first]}
    write(folder / "swapped.safetensors", Checkpoint("port", "safetensors", swapped))
    return folder


def peak(run):
    """What ``run`` returns, and the most MiB that were there at once."""
    tracemalloc.start()
    try:
        return run(), tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", [("reference", "port"), ("port", "reference")])
def test_equal_ones_are_right_and_a_few_arrays_are_there_at_once(files, order):
    """In either direction; both files have 24 MiB."""
    found, most = peak(lambda: judged_files(*(files / f"{side}.safetensors" for side in order), CONVERSION))
    assert found.right
    assert (found.original, found.asked, len(found.lines)) == (order[0], True, COUNT)
    assert most < 6


def test_a_conversion_is_written_array_by_array(files, tmp_path):
    """The whole is 12 MiB."""
    from compare.checkpoints.files import read

    def converted():
        there, _ = CONVERSION.converted(read(files / "reference.safetensors"), when_asked=True)
        write(tmp_path / "port.safetensors", there)

    _, most = peak(converted)
    assert (tmp_path / "port.safetensors").read_bytes() == (files / "port.safetensors").read_bytes()
    assert most < 6


def test_layers_that_were_exchanged_are_named(files):
    """Whose values they are is found though no other line is there while one is judged."""
    found = judged_files(files / "reference.safetensors", files / "swapped.safetensors", CONVERSION)
    assert [line.words for line in found.wrong] == [f"{PATHS[4]}'s", f"{PATHS[3]}'s"]


def test_both_of_one_side_or_of_neither(files, tmp_path):
    """What was expected and what came."""
    one = files / "port.safetensors"
    with pytest.raises(UsageError, match="are both the port's by their names: expected one of either side"):
        judged_files(one, one, CONVERSION)
    write(tmp_path / "other.safetensors", Checkpoint("port", "safetensors", {"params/x": np.ones(2)}))
    with pytest.raises(UsageError, match=r"none of its names .* such as layers.0.weight or params/.*: it has params/x"):
        judged_files(tmp_path / "other.safetensors", one, CONVERSION)


def test_copies_of_one_array_that_differ_are_refused(tmp_path):
    """What the model ties is one array: whoever loads both gets the last of them, and no line is of it."""
    one = replace(CONVERSION, aliases={"head.weight": NAMES[0]})
    arrays = {name: np.ones(SHAPE, np.float32) for name in NAMES}
    write(tmp_path / "port.safetensors", one.converted(Checkpoint("reference", "safetensors", arrays))[0])
    torn = arrays | {"head.weight": np.zeros(SHAPE, np.float32)}
    write(tmp_path / "reference.safetensors", Checkpoint("reference", "safetensors", torn))
    with pytest.raises(UsageError, match=r"head.weight and layers.0.weight differ, and the model ties them"):
        judged_files(tmp_path / "port.safetensors", tmp_path / "reference.safetensors", one)
