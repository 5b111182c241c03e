"""What it costs to judge a converted checkpoint where it lies, in time and memory, against reading both files once.

    python benchmarks/weights_streamed.py [--layers 24] [--width 1024] [--json results/cpu/weights_streamed.json]

A decoder's weights in float32, in two shards with an index, and the port's, transposed, in one file. In turns, each
time with both files dropped from the system's cache: reading their bytes once, ``jaxport weights A B --map``, and
``jaxport convert`` of the shards. Seconds are the best of the rounds; memory is the peak of what a process holds beside
the files, sampled every 5 ms, over what it took before it began.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compare.arrays.views import View, transposed
from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import Conversion
from compare.checkpoints.files import read, write
from compare.checkpoints.two_files import judged_files
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap

VOCABULARY, ROUNDS, PIECE = 32_000, 3, 1 << 24
INDEX, PORT, OUT = "m.safetensors.index.json", "port.safetensors", "out.safetensors"


def conversion_of(layers: int, width: int) -> Conversion:
    """A decoder's map: every matrix but the embedding transposed."""
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (VOCABULARY, width)}
    for layer in range(layers):
        shapes |= {f"layers.{layer}.{name}.weight": (width, width) for name in "qkvo"}
        shapes |= {f"layers.{layer}.up.weight": (4 * width, width), f"layers.{layer}.down.weight": (width, 4 * width)}
        shapes[f"layers.{layer}.norm.weight"] = (width,)
    entries, leaves = [], {}
    for name, shape in shapes.items():
        kernel = len(shape) == 2 and name != "embed.weight"
        path = f"params/{name.replace('.', '/')}"
        entries.append(Entry(name, path, transposed(1, 0) if kernel else View()))
        leaves[path] = shape[::-1] if kernel else shape
    return Conversion(WeightMap(entries), shapes, leaves, {}, {}, {})


def written(folder: Path, conversion: Conversion) -> int:
    """Both checkpoints, in ``folder``; the bytes of one."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in conversion.shapes.items()}
    names = [*arrays]
    shards = {f"m-0000{at}-of-00002.safetensors": names[at - 1 :: 2] for at in (1, 2)}
    for shard, own in shards.items():
        write(folder / shard, Checkpoint("reference", "safetensors", {name: arrays[name] for name in own}))
    listed = {name: shard for shard, own in shards.items() for name in own}
    (folder / INDEX).write_text(json.dumps({"weight_map": listed}))
    write(folder / PORT, conversion.converted(Checkpoint("reference", "safetensors", arrays), when_asked=True)[0])
    return sum(array.nbytes for array in arrays.values())


def forget(folder: Path) -> None:
    """Drop the files from the system's cache, as far as it does."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measured(folder: Path, run: Callable[[], object]) -> dict[str, float]:
    """Seconds of the clock and of the processors, and MiB beside the files at the peak."""
    forget(folder)
    before, peak, done = _held(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], _held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, own = time.perf_counter(), time.process_time()
    run()
    took = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - own}
    done.set()
    watcher.join()
    return took | {"mib": max(peak[0] - before, 0.0)}


def _held() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) / 1024


def reading(folder: Path) -> None:
    buffer = bytearray(PIECE)
    for path in [*sorted(folder.glob("m-*")), folder / PORT]:
        with path.open("rb") as file:
            while file.readinto(buffer):
                pass


def judging(folder: Path, conversion: Conversion) -> None:
    found = judged_files(folder / INDEX, folder / PORT, conversion)
    assert found.right, found.answer


def converting(folder: Path, conversion: Conversion) -> None:
    write(folder / OUT, conversion.converted(read(folder / INDEX), when_asked=True)[0])


def run(layers: int, width: int) -> dict[str, Any]:
    """The best of the rounds of each, by its name."""
    from compare.frameworks.devices import choose
    from compare.frameworks.environment import fingerprint

    with tempfile.TemporaryDirectory() as name:
        folder, conversion = Path(name), conversion_of(layers, width)
        size = written(folder, conversion)
        taken: dict[str, list[dict[str, float]]] = {}
        for _ in range(ROUNDS):
            taken.setdefault("reading both", []).append(measured(folder, lambda: reading(folder)))
            taken.setdefault("weights A B", []).append(measured(folder, lambda: judging(folder, conversion)))
            taken.setdefault("convert", []).append(measured(folder, lambda: converting(folder, conversion)))
    best = {name: {key: min(one[key] for one in rounds) for key in rounds[0]} for name, rounds in taken.items()}
    for name, rounds in taken.items():
        best[name]["mib"] = max(one["mib"] for one in rounds)
    largest = max(int(np.prod(shape)) for shape in conversion.shapes.values()) * 4
    return {"bytes": size, "largest": largest, "rows": best, "environment": fingerprint(choose("cpu"))}


def lines(form: dict[str, Any]) -> list[str]:
    """The table, as text."""
    first = form["rows"]["reading both"]
    told = [
        f"two checkpoints of {form['bytes'] / 2**30:.2f} GiB each, float32, the largest array "
        f"{form['largest'] / 2**20:.0f} MiB",
        f"{'':<14}{'seconds':>9}{'times':>7}{'processor s':>13}{'MiB beside the files':>22}",
    ]
    for name, row in form["rows"].items():
        times = row["seconds"] / first["seconds"]
        told.append(
            f"{name:<14}{row['seconds']:>9.2f}{times:>7.2f}{row['processor_seconds']:>13.2f}{row['mib']:>22.0f}"
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    form = run(options.layers, options.width)
    print("\n".join(lines(form)))
    if options.json:
        options.json.write_text(json.dumps(form, indent=2) + "\n")


if __name__ == "__main__":
    main()
