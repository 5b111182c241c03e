"""What a verdict by module costs beside one on the whole model, and whether both say the same of every quantity.

    python benchmarks/by_module.py [--layers 16] [--width 1024] [--vocabulary 32000] [--untied] [--alone]
                                   [--json results/cpu/by-module.json]
    python benchmarks/by_module.py --files examples/vit.py examples/lstm.py [--json results/cpu/by-module-examples.json]

One decoder (``benchmarks/decoder_pair.py``), the command ``jaxport verify ... --quick`` with and without
``--by-module``, each in a process of its own: the peak of its resident memory as the kernel kept it, imports and
compiling included, seconds of the clock and of the processors, and the verdicts quantity by quantity. ``--alone``
leaves the whole run out, where it has no room. The bound that is printed beside the peak: four float64 copies of the
largest cut (the embedding, or a block), twice the largest activation, and 1.5 GiB.

``--files``: pairs' files in the place of the decoder, each both ways; of these no memory is asked for. What one of the
two does not take (``--by-module`` no pair that draws for itself) is told with its line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
GIB = 2**30


DECODER = ROOT / "benchmarks/decoder_pair.py"


class RefusedError(Exception):
    """A command compared nothing; its last line."""


def verdict(sizes: dict, by_module: bool, file: Path = DECODER) -> dict:
    """One command in a process of its own: its form, and what it took.

    Raises:
        RefusedError: it compared nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        form = Path(folder) / "form.json"
        command = [sys.executable, "-m", "compare", "verify", str(file), "--quick"]
        command += ["--no-locate", "--device", "cpu", "--json", str(form)] + ["--by-module"] * by_module
        own = os.environ | {"JAXPORT_DECODER": json.dumps(sizes)}
        started = time.perf_counter()
        child = subprocess.Popen(command, env=own, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert child.stderr is not None
        said = child.stderr.read().decode()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if not form.exists():
            raise RefusedError(f"{' '.join(command)} ended with {child.returncode}: {said.strip()[-2000:]}")
        pair = json.loads(form.read_text())
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "verdict": pair["verdict"],
        "peak_bytes": peak,
        "wall_s": time.perf_counter() - started,
        "processor_s": used.ru_utime + used.ru_stime,
        "notices": [line for one in pair["pairs"] for line in one["notices"] if line.startswith("by module")],
        "quantities": {
            f"{one['name'] if len(pair['pairs']) == 1 else of['pair'] + ' ' + one['name']}": {
                key: one[key] for key in ("verdict", "gap", "allowed")
            }
            for of in pair["pairs"]
            for one in of["quantities"]
        },
        "environment": pair["environment"],
    }


def compared(whole: dict, parts: dict) -> dict:
    """How the two differ: quantities with another verdict, and the largest ratio of the two gaps of one."""
    theirs, ours = whole["quantities"], parts["quantities"]
    unlike = sorted(
        name for name in {*theirs, *ours} if theirs.get(name, {}).get("verdict") != ours.get(name, {}).get("verdict")
    )
    ratios = {
        name: max(one["gap"], theirs[name]["gap"]) / max(min(one["gap"], theirs[name]["gap"]), 1e-300)
        for name, one in ours.items()
        if name in theirs and all(isinstance(gap, float) and gap > 0 for gap in (one["gap"], theirs[name]["gap"]))
    }
    return {"compared": len({*theirs, *ours}), "unlike": unlike, "largest_ratio": max(ratios.values(), default=1.0)}


def bound(sizes: dict) -> int:
    """The memory that is asked for, in bytes."""
    inner, width = sizes["inner"], sizes["width"]
    heads = width + width * sizes["kv_heads"] // sizes["heads"]
    block = 2 * width * heads + 3 * width * inner + 2 * width
    tokens = sizes["rows"] * sizes["tokens"]
    activation = tokens * max(sizes["vocabulary"], inner, sizes["heads"] * sizes["tokens"])
    return 8 * (4 * max(block, sizes["vocabulary"] * width) + 2 * activation) + GIB * 3 // 2


def said(name: str, run: dict) -> str:
    return (
        f"{name:>10}: {run['verdict']}, {len(run['quantities'])} quantities, peak {run['peak_bytes'] / GIB:.2f} GiB, "
        f"{run['wall_s']:.0f} s ({run['processor_s']:.0f} s of processors)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, number in (("layers", 16), ("width", 1024), ("heads", 16), ("kv_heads", 16), ("inner", 0),
                         ("vocabulary", 32000), ("rows", 2), ("tokens", 64)):  # fmt: skip
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=number)
    parser.add_argument("--untied", action="store_true")
    parser.add_argument("--alone", action="store_true", help="by module alone: the whole run has no room")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--files", type=Path, nargs="+", metavar="FILE", help="pairs' files in the place of the decoder"
    )
    options = parser.parse_args()
    if options.files:
        written(options.json, {"files": dict(map(of_file, options.files))})
        return
    names = ("layers", "width", "heads", "kv_heads", "inner", "vocabulary", "rows", "tokens")
    sizes = {name: getattr(options, name) for name in names} | {"tied": int(not options.untied)}
    sizes["inner"] = sizes["inner"] or 4 * sizes["width"]
    try:
        of_decoder(sizes, options)
    except RefusedError as error:
        raise SystemExit(str(error)) from error


def of_decoder(sizes: dict, options: argparse.Namespace) -> None:
    """The decoder of these sizes by module, and as a whole unless that is left out.

    Raises:
        RefusedError: it compared nothing.
    """
    result = {"sizes": sizes, "bound_bytes": bound(sizes), "by_module": verdict(sizes, True)}
    print(said("by module", result["by_module"]), f"bound {result['bound_bytes'] / GIB:.2f} GiB", flush=True)
    print(*result["by_module"]["notices"], sep="\n", flush=True)
    if not options.alone:
        result["whole"] = verdict(sizes, False)
        print(said("whole", result["whole"]), flush=True)
        result["compared"] = compared(result["whole"], result["by_module"])
        print(result["compared"])
    written(options.json, result)


def of_file(path: Path) -> tuple[str, dict]:
    """A file's name, and how both ways to verify its pairs compare; why not, where one of them does not take it."""
    try:
        whole, parts = (verdict({}, by_module, path.resolve()) for by_module in (False, True))
    except RefusedError as error:
        line = str(error).splitlines()[-1]
        print(f"{path.name}: {line}", flush=True)
        return path.name, {"refused": line.partition(": ")[2]}
    one = compared(whole, parts) | {"verdict": whole["verdict"], "by_module": parts["verdict"]}
    print(f"{path.name}: {one}", flush=True)
    return path.name, one | {"processor_s": [whole["processor_s"], parts["processor_s"]], "notices": parts["notices"]}


def written(path: Path | None, result: dict) -> None:
    """The result as JSON, where it is asked for."""
    if path:
        path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
