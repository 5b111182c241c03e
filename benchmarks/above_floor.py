"""How far above its own matrix products is a training step, and what lies between? On a machine that may be busy.

Processor time, which other work does not change much: blocks of all rows and of the products alone in turns in one
process, the shortest of every ten, the median of these. Then of JAX's rows the program itself, kernel by kernel.

    python benchmarks/above_floor.py [--batch 8 64 512] [--json results/cpu/above_floor.json]
"""

import argparse
import gc
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # which NumPy reads while it is imported
import numpy as np

from compare.measure.bench.threads import pin

ROWS = (
    "torch eager",
    "torch by hand",
    "jax.jit",
    "jax.jit, (out, in)",
    "jax.jit, lax.scan",
    "jax.jit, lax.scan, (out, in)",
)
TAKEN_APART = ROWS[2:]
GROUPS, TIMES, SECONDS = 9, 10, 0.006  # minima, blocks of which each is one, and how long a block is
WATCHED = 16  # steps in a profile
SHORTEST = 10  # percent of a kernel's runs: others were disturbed
SHOWN = 3  # kernels of a program, the longest


def processor_times(runners: Mapping) -> dict[str, float]:
    """Seconds a step of each: the median of the minima."""
    from compare.measure.bench.clock import block

    calls = {}
    for name, runner in runners.items():
        runner.call(1)
        runner.wait()
        step = min(block(runner, 3).processor for _ in range(3)) or 1e-6
        calls[name] = max(1, round(SECONDS / step / runner.steps_per_call))
    times, rng = defaultdict(list), np.random.default_rng(0)
    gc.collect()
    gc.disable()
    for _ in range(GROUPS * TIMES):
        for name in rng.permutation(list(runners)):
            times[name].append(block(runners[name], calls[name]).processor)
    gc.enable()
    return {name: float(np.median(np.reshape(own, (GROUPS, TIMES)).min(axis=1))) for name, own in times.items()}


def kernels(runner) -> dict[str, dict]:
    """Of each kernel of a JAX row's program: seconds a step, by the shortest tenth of its runs in several profiles, and
    whether it is a product."""
    from compare.frameworks.steps.jax_profile import jax_profile
    from compare.frameworks.steps.xla_program import xla_program

    program = xla_program(runner.looked_at().program().as_text())
    calls, runs = WATCHED // runner.steps_per_call, defaultdict(list)
    for _ in range(TIMES):
        runner.restart()
        runner.wait()
        for event in jax_profile(lambda: runner.call(calls), runner.wait):
            if event.name in program.kernels:
                runs[event.name].append(event.end - event.start)
    return {
        name: {
            "seconds": float(np.percentile(own, SHORTEST)) * program.kernels[name] / runner.steps_per_call,
            "product": name in program.products,
        }
        for name, own in runs.items()
    }


def measure(batch: int) -> dict:
    """One size of the project's own perceptron."""
    from compare.frameworks.devices import choose
    from compare.measure.bench.built_rows import Setup, entering_of
    from compare.measure.bench.floor import FLOORS, needed_by
    from compare.measure.bench.rows import rows_of
    from compare.measure.bench.sizes import perceptron
    from compare.pair.prepare import prepare
    from compare.verdict.precision import FLOAT32

    pair, device = perceptron(rows=batch), choose("cpu")
    prepared = prepare(pair, 0)
    setup, rows = Setup(prepared, entering_of(prepared, 0, FLOAT32), FLOAT32, device), rows_of(pair)
    runners = {name: setup.runner(rows[name], FLOAT32) for name in ROWS}
    needed = needed_by(runners["jax.jit"].looked_at().jaxpr)
    floors = {name: build(needed, FLOAT32, device) for name, build in FLOORS.items()}
    times = processor_times({**runners, **floors})
    floor = min((name for name in floors if name.startswith("products")), key=times.__getitem__)
    apart = {name: kernels(runners[name]) for name in TAKEN_APART}
    return {"batch": batch, "floor": floor, "seconds": times, "kernels": apart}


def lines(form: dict) -> Iterator[str]:
    """What is printed of one size."""
    seconds = form["seconds"]
    floor = seconds[form["floor"]]
    yield f"batch {form['batch']}: processor time of a step, and times {form['floor']}"
    for name in (*ROWS, *(name for name in seconds if name not in ROWS)):
        yield f"  {name:30}{1e6 * seconds[name]:8,.0f} us{seconds[name] / floor:8.2f}"
    for row, found in form["kernels"].items():
        products = sum(one["seconds"] for one in found.values() if one["product"])
        others = sorted(((one["seconds"], name) for name, one in found.items() if not one["product"]), reverse=True)
        rest = sum(own for own, _ in others[SHOWN:])
        yield f"  {row}: products {1e6 * products:,.0f} us"
        yield "".join(f"    {name} {1e6 * own:,.0f}" for own, name in others[:SHOWN])
        yield f"    and {len(others[SHOWN:])} others {1e6 * rest:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[8, 64, 512])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    pin(1)
    import torch

    from compare.frameworks.devices import choose
    from compare.frameworks.environment import fingerprint

    torch.set_num_threads(1)
    sizes = []
    for batch in options.batch:
        sizes.append(measure(batch))
        print(*lines(sizes[-1]), sep="\n", flush=True)
    if options.json:
        form = {"environment": fingerprint(choose("cpu")), "sizes": sizes}
        options.json.write_text(json.dumps(form, indent=1) + "\n")


if __name__ == "__main__":
    main()
