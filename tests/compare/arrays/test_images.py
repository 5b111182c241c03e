"""Images: the shipped digits are what they say, a user's own are read, everything else is one clear line."""

import gc
import hashlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from compare.arrays.images import NPZ_NAMES, SHIPPED, load_images
from compare.errors import UsageError

PAYLOAD = "8a7adbe9b5c3bf456972a9db198d6c8526b57b03b4d3d1190db7a3eb54556f54"  # what scripts/make_mnist_5k.py makes
parts = pytest.mark.parametrize("part", ["train", "test"])

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
LABELS = np.array([9, 0, 3, 3, 7], dtype=np.uint8)
SMALL = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2] // 2, "y_test": LABELS[:2]}


def npz(folder: Path, **changed: np.ndarray | None) -> Path:
    """A ``.npz`` with Keras's names; None leaves an array out."""
    np.savez(folder / "mine.npz", **{name: array for name, array in (SMALL | changed).items() if array is not None})
    return folder / "mine.npz"


def complaint(path: Path) -> str:
    """What ``load_images`` says of bad data: one line with its path."""
    with pytest.raises(UsageError) as caught:
        load_images(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Trap:
    """An object that makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple:
        return Path.touch, (self.file,)


@pytest.fixture(scope="module")
def shipped():
    return load_images()


def test_shipped_payload():
    """The shipped file holds, bit for bit, the arrays that its script makes."""
    with np.load(SHIPPED) as file:
        assert hashlib.sha256(b"".join(file[name].tobytes() for name in NPZ_NAMES)).hexdigest() == PAYLOAD


def test_shipped_parts(shipped):
    """Each digit has 400 images to train and 100 to test, of one channel and 28 x 28 pixels."""
    assert np.bincount(shipped.train_labels).tolist() == [400] * 10
    assert np.bincount(shipped.test_labels).tolist() == [100] * 10
    assert shipped.train_images.shape == (4000, 1, 28, 28)
    assert shipped.test_images.shape == (1000, 1, 28, 28)


def test_shipped_images_are_distinct(shipped):
    """No image is in both parts, and none is in a part twice."""
    train, test = ({image.tobytes() for image in part} for part in (shipped.train_images, shipped.test_images))
    assert (len(train), len(test), len(train & test)) == (4000, 1000, 0)


@parts
def test_shipped_order(shipped, part):
    """The images are shuffled: neighbours have the same label as seldom as chance has it."""
    labels = getattr(shipped, f"{part}_labels")
    assert np.mean(labels[1:] == labels[:-1]) == pytest.approx(0.1, abs=0.03)


@parts
def test_shipped_arrays(shipped, part):
    """Pixels are float32, exactly a byte over 255; labels are int32; both are frozen and C-contiguous."""
    images, labels = getattr(shipped, f"{part}_images"), getattr(shipped, f"{part}_labels")
    with np.load(SHIPPED) as file:
        np.testing.assert_array_equal(images[:, 0], file[f"x_{part}"] / np.float32(255), strict=True)
        np.testing.assert_array_equal(labels, file[f"y_{part}"].astype(np.int32), strict=True)
    assert (images.min(), images.max()) == (0, 1)
    for array in (images, labels):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    "pixels",
    [IMAGES, IMAGES[:, None], np.asfortranarray(IMAGES), IMAGES / 255, IMAGES.astype(np.float32) / np.float32(255)],
    ids=["bytes", "with a channel", "Fortran order", "float64", "float32"],
)
def test_npz(tmp_path, pixels):
    """Keras's names in a .npz: bytes are divided by 255, floats are taken as they are."""
    loaded = load_images(npz(tmp_path, x_train=pixels))
    np.testing.assert_array_equal(loaded.train_images[:, 0], IMAGES / np.float32(255), strict=True)
    assert loaded.train_labels.tolist() == LABELS.tolist()


FLOATS = IMAGES.astype(np.float64)
NAN, INFINITE, ENORMOUS = (
    np.where(np.arange(5)[:, None, None] == 3, value, FLOATS) for value in (np.nan, -np.inf, 1e300)
)
BAD = {
    "length": ({"y_train": LABELS[:4]}, "train: 5 images but labels of shape (4,)"),
    "one hot": ({"y_test": np.eye(10, dtype=np.uint8)[:2]}, "test: 2 images but labels of shape (2, 10)"),
    "too high": ({"y_train": LABELS + np.uint8(1)}, "train: label 10 of image 0 is outside 0 to 9"),
    "negative": ({"y_test": np.array([3, -1])}, "test: label -1 of image 1 is outside 0 to 9"),
    "NaN": ({"x_train": NAN}, "train: image 3 has pixels that are NaN or infinite"),
    "infinite": ({"x_train": INFINITE}, "train: image 3 has pixels that are NaN or infinite"),
    "beyond float32": ({"x_train": ENORMOUS}, "train: image 3 has pixels"),
    "no images": ({"x_test": IMAGES[:0], "y_test": LABELS[:0]}, "test: no images"),
    "no pixels": ({"x_train": IMAGES[:, :0], "x_test": IMAGES[:2, :0]}, "train: "),
    "flat": ({"x_train": IMAGES.reshape(5, 12)}, "train: expected images (n, height, width), got shape (5, 12)"),
    "colour": ({"x_train": np.zeros((5, 3, 4, 3), np.uint8)}, "train: expected images (n, height, width)"),
    "other size": ({"x_test": np.zeros((2, 3, 4), np.uint8)}, "train have shape (1, 4, 3), images to test (1, 3, 4)"),
    "words": ({"x_train": np.full((5, 4, 3), "a")}, "train: expected numbers and integer labels, got <U1 and uint8"),
    "float labels": ({"y_train": LABELS / 1.0}, "train: expected numbers and integer labels, got uint8 and float64"),
    "missing": ({"y_train": None, "x_test": None}, "y_train, x_test is missing, got x_train, y_test"),
    "nothing": (dict.fromkeys(NPZ_NAMES), "x_train, y_train, x_test, y_test is missing, got none"),
}


@pytest.mark.parametrize("case", BAD)
def test_arrays_that_do_not_fit(tmp_path, case):
    """Arrays that are no labelled images are refused, with what was expected and which image it is."""
    changed, expected = BAD[case]
    assert expected in complaint(npz(tmp_path, **changed))


def test_pickled_objects(tmp_path):
    """Pickled objects in a .npz are refused, and their code is not run; the trap is live."""
    sprung = tmp_path / "sprung"
    path = npz(tmp_path, y_test=np.array([Trap(sprung)], dtype=object))
    assert "holds pickled objects, which can run code and are never loaded" in complaint(path)
    assert not sprung.exists()
    with np.load(path, allow_pickle=True) as file:
        assert file["y_test"] is not None
    assert sprung.exists()


@pytest.mark.parametrize("data", [b"", b"some text", b"\0\0\x08\1\0\0\0\0"], ids=["empty", "text", "IDX"])
def test_a_file_of_another_kind(tmp_path, data):
    """A file that is no .npz is called that."""
    (tmp_path / "mine.npz").write_bytes(data)
    assert "not a readable .npz" in complaint(tmp_path / "mine.npz")


def test_a_pickle_or_a_single_array(tmp_path):
    """What else NumPy can load is refused: a plain pickle, whose code is not run, and a .npy file."""
    (tmp_path / "mine.npz").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    complaint(tmp_path / "mine.npz")
    assert not (tmp_path / "sprung").exists()
    np.save(tmp_path / "mine.npy", IMAGES)
    names = "x_train, y_train, x_test, y_test"
    assert f"expected a .npz with {names}, got a single array" in complaint(tmp_path / "mine.npy")


@pytest.mark.parametrize(
    ("start", "end", "instead"),
    [(100, None, b""), (-100, None, b""), (60, 80, b"\xff" * 20), (2000, 2020, b"\xff" * 20), (99_990, 99_999, b"")],
    ids=["stops early", "stops late", "first bytes", "compressed bytes", "bytes lost"],
)
def test_a_damaged_npz(tmp_path, start, end, instead):
    """A .npz that stops before its end or has wrong bytes anywhere is refused, and closed again."""
    data = bytearray(SHIPPED.read_bytes())
    data[start:end] = instead
    (tmp_path / "mine.npz").write_bytes(data)
    assert "not a readable .npz" in complaint(tmp_path / "mine.npz")
    gc.collect()  # a file left open is warned of here, and a warning is an error


HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 9, 9)}"
ENDLESS = b"\x93NUMPY\1\0v\0" + HEADER.ljust(118).encode()


@pytest.mark.parametrize("member", [b"no array", ENDLESS], ids=["text", "72 petabytes"])
def test_an_npz_without_arrays(tmp_path, member):
    """A .npz whose members are no arrays, or claim more bytes than any machine has, is refused."""
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        for name in NPZ_NAMES:
            archive.writestr(f"{name}.npy", member)
    complaint(tmp_path / "mine.npz")


def test_no_data(tmp_path):
    """An empty folder and a path where nothing is are refused, with what was expected there."""
    assert "expected train-images-idx3-ubyte and its three companions" in complaint(tmp_path)
    assert "no such file or folder; give a folder of IDX files or a .npz" in complaint(tmp_path / "nothing")


def test_no_path(tmp_path):
    """A name longer than any system takes is refused like one that is not there."""
    complaint(tmp_path / ("long" * 999))
