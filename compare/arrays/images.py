"""Real images as NumPy arrays: the 5,000 MNIST digits that ship with the package, or the user's own files.

Nothing is downloaded. ``--data`` takes a folder of IDX files under the names MNIST and Fashion-MNIST have, raw or
gzipped (also torchvision's ``ROOT/MNIST/raw``), or a ``.npz`` with Keras's names.
"""

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32

from compare.arrays.arrays import freeze
from compare.arrays.idx import read_idx
from compare.errors import UsageError

SHIPPED = Path(__file__).parent / "data" / "mnist_5k.npz"
CLASSES = 10
FOLDERS = ("", "raw", "MNIST/raw", "FashionMNIST/raw")
PARTS = (("train", "train"), ("test", "t10k"))
NPZ_NAMES = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Images:
    """A data set in two parts. Pixels are float32, as bytes divided by 255; every array is frozen."""

    name: str
    train_images: Float32[np.ndarray, "train 1 height width"]
    train_labels: Int32[np.ndarray, "train"]
    test_images: Float32[np.ndarray, "test 1 height width"]
    test_labels: Int32[np.ndarray, "test"]


def load_images(path: Path | None = None) -> Images:
    """The images in ``path``, by default the shipped ones.

    Raises:
        UsageError: nothing usable is there, or what is there is damaged or does not fit together.
    """
    path = SHIPPED if path is None else path
    if not os.path.exists(path):  # unlike Path.exists, it takes a name that no system allows for one that is not there
        raise UsageError(f"--data {path}: no such file or folder; give a folder of IDX files or a .npz")
    arrays = _read_folder(path) if path.is_dir() else _read_npz(path)
    name = "MNIST, 5,000 images" if path == SHIPPED else str(path)
    parts = [_checked(f"{path}: {part}", arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    (train_images, train_labels), (test_images, test_labels) = parts
    if train_images.shape[1:] != test_images.shape[1:]:
        raise UsageError(
            f"{path}: images to train have shape {train_images.shape[1:]}, images to test {test_images.shape[1:]}"
        )
    return Images(name, train_images, train_labels, test_images, test_labels)


def _read_folder(folder: Path) -> dict[str, np.ndarray]:
    for inside in FOLDERS:
        files = {name: _idx_file(folder / inside, stem, kind) for name, stem, kind in _idx_names()}
        if all(files.values()):
            return {name: read_idx(file, 3 if name[0] == "x" else 1) for name, file in files.items() if file}
        missing = [f"{stem}-{kind}-ubyte" for name, stem, kind in _idx_names() if not files[name]]
        if len(missing) < len(files):
            raise UsageError(f"{folder / inside}: {', '.join(missing)} (raw or .gz) is missing beside the other files")
    raise UsageError(f"--data {folder}: expected train-images-idx3-ubyte and its three companions (raw or .gz) in it")


def _idx_names() -> list[tuple[str, str, str]]:
    kinds = (("x", "images-idx3"), ("y", "labels-idx1"))
    return [(f"{axis}_{part}", stem, kind) for part, stem in PARTS for axis, kind in kinds]


def _idx_file(folder: Path, stem: str, kind: str) -> Path | None:
    """The file under any of the names it is known by: with a dash or a dot before ``idx``, raw or gzipped."""
    for name in (f"{stem}-{kind}-ubyte", f"{stem}-{kind.replace('-', '.')}-ubyte"):
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    return None


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as stream:  # a stream of our own: NumPy leaves a damaged file open
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise UsageError(f"{path}: expected a .npz with {', '.join(NPZ_NAMES)}, got a single array")
            missing = [name for name in NPZ_NAMES if name not in file.files]
            if missing:
                raise UsageError(
                    f"{path}: expected the arrays {', '.join(NPZ_NAMES)}; {', '.join(missing)} is missing, "
                    f"got {', '.join(file.files) or 'none'}"
                )
            return {name: _member(path, name, file[name]) for name in NPZ_NAMES}
    except ValueError as error:
        if "Object arrays" in str(error):  # NumPy's own words for what it would have to unpickle
            raise UsageError(f"{path}: holds pickled objects, which can run code and are never loaded") from error
        raise UsageError(f"{path}: not a readable .npz ({error})") from error
    except (OSError, EOFError, MemoryError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: not a readable .npz, perhaps truncated ({error})") from error


def _member(path: Path, name: str, value: object) -> np.ndarray:
    """An entry of the archive, which NumPy hands over as bytes where it is no array."""
    if not isinstance(value, np.ndarray):
        raise UsageError(f"{path}: {name} is no array")
    return value


def _checked(where: str, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One part with the shapes, dtypes and values that the pair takes, or one clear line."""
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[1] != 1):
        raise UsageError(f"{where}: expected images (n, height, width), got shape {images.shape}")
    if labels.shape != images.shape[:1]:
        raise UsageError(f"{where}: {images.shape[0]} images but labels of shape {labels.shape}: they must pair up")
    if images.size == 0:
        raise UsageError(f"{where}: no images in it, shape {images.shape}")
    if images.dtype.kind not in "fui" or labels.dtype.kind not in "ui":
        raise UsageError(f"{where}: expected numbers and integer labels, got {images.dtype} and {labels.dtype}")
    if labels.min() < 0 or labels.max() >= CLASSES:
        row = int(np.argmax((labels < 0) | (labels >= CLASSES)))
        raise UsageError(f"{where}: label {labels[row]} of image {row} is outside 0 to {CLASSES - 1}")
    if images.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
            images = images.astype(np.float32)
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.argmax(~np.isfinite(images).reshape(len(images), -1).all(axis=1)))
        raise UsageError(f"{where}: image {row} has pixels that are NaN or infinite")
    pixels = images.astype(np.float32) / (255 if images.dtype.kind in "ui" else 1)
    height, width = images.shape[-2:]
    return freeze(pixels.reshape(-1, 1, height, width).astype(np.float32)), freeze(labels.astype(np.int32))
