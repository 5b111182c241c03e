"""What a verdict on a large model costs, in time and in memory.

    python benchmarks/large.py [--millions 50 300] [--full] [--json results/cpu/large.json]

For each size, a stack of transformer blocks with that many parameters, written in PyTorch and in Flax, on 4 rows of 256
tokens (of 64 above 60 million parameters). In processes of their own, by turns:

- *passes*: the forward and backward passes that a verdict needs, both frameworks at float32 and float64, by plain code,
  warm (compilation apart), and what XLA keeps for the float64 one beside parameters and gradients;
- *verdict*: ``compare.verify(..., quick=True)`` with its compilation, and the same with every compiled program warm.
  Its memory is the peak of the resident size, compiling included, over what the process takes once both models are
  there and a verdict on a tiny model has loaded the code. It is given in sets too: how many times the parameters in
  float64 (the passes' activations apart) are held at the peak;
- *full*: the default run, probes and mutants included.

Seconds are the best of all rounds; beside those of the clock stand those of the processors, which other work on the
same machine hardly touches.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np

ROWS, HEADS, TINY = 4, 8, 0.01
SMALL = 60  # million parameters up to which a row has 256 tokens; above, 64, so that it ends within minutes


def models(millions: float):
    """Both sides, and the batch: pre-norm blocks with attention and an MLP of four times the width."""
    import torch
    from flax import linen

    blocks = 4 if millions <= SMALL else 6
    width = int((millions * 1e6 / (12 * blocks)) ** 0.5) // 64 * 64 + 64

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
            self.query, self.key = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
            self.value, self.out = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
            self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

        def forward(self, x):
            h = self.norm1(x)
            split = [p(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for p in (self.query, self.key, self.value)]
            weights = (split[0] @ split[1].transpose(-1, -2) / (width // HEADS) ** 0.5).softmax(-1)
            x = x + self.out((weights @ split[2]).transpose(1, 2).flatten(-2))
            return x + self.down(torch.nn.functional.gelu(self.up(self.norm2(x))))

    class Reference(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.Sequential(*(Block() for _ in range(blocks)))

        def forward(self, x):
            return self.blocks(x)

    class PortBlock(linen.Module):
        @linen.compact
        def __call__(self, x):
            import jax

            h = linen.LayerNorm(epsilon=1e-5, name="norm1", use_fast_variance=False)(x)
            dense = [linen.Dense(width, name=name)(h) for name in ("query", "key", "value")]
            q, k, v = (one.reshape(*one.shape[:-1], HEADS, -1).swapaxes(1, 2) for one in dense)
            weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / (width // HEADS) ** 0.5)
            x = x + linen.Dense(width, name="out")((weights @ v).swapaxes(1, 2).reshape(x.shape))
            h = linen.Dense(4 * width, name="up")(
                linen.LayerNorm(epsilon=1e-5, name="norm2", use_fast_variance=False)(x)
            )
            return x + linen.Dense(width, name="down")(jax.nn.gelu(h, approximate=False))

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            for i in range(blocks):
                x = PortBlock(name=f"blocks_{i}")(x)
            return x

    batch = np.random.default_rng(0).standard_normal((ROWS, 256 if millions <= SMALL else 64, width), dtype=np.float32)
    torch.manual_seed(0)
    return Reference(), Port(), batch


def passes(millions: float) -> dict:
    """Seconds of the four forward and backward passes, one after another, each warm; what the float64 one keeps."""
    import jax
    import jax.numpy as jnp
    import torch

    reference, port, batch = models(millions)
    taken = {}
    for dtype in ("float32", "float64"):
        module = reference.to(getattr(torch, dtype))
        x = torch.tensor(batch, dtype=getattr(torch, dtype), requires_grad=True)

        def run(module=module, x=x):
            module.zero_grad()
            out = module(x)
            out.backward(torch.ones_like(out))

        taken[f"torch {dtype}"] = warm(run)
        module.zero_grad()
    reference = module = None
    gc.collect()
    for dtype in ("float32", "float64"):
        with jax.enable_x64(dtype == "float64"):
            x = jnp.array(batch, dtype)
            params = jax.jit(port.init)(jax.random.key(0), x)
            params = jax.tree.map(lambda leaf, dtype=dtype: leaf.astype(dtype), params)

            @jax.jit
            def gradients(params, x):
                out, pull_back = jax.vjp(port.apply, params, x)
                return out, pull_back(jnp.ones_like(out))

            taken[f"jax {dtype}"] = warm(partial(run_jax, gradients, params, x))
            analysis = gradients.lower(params, x).compile().memory_analysis()
            activations = getattr(analysis, "temp_size_in_bytes", 0) / 2**20
            params = None
    return {"passes_s": taken, "activations_mib": activations}


def run_jax(gradients, params, x) -> None:
    import jax

    jax.block_until_ready(gradients(params, x))


def timed(run) -> list[float]:
    """Seconds of the clock and of all processors."""
    clock, processors = time.perf_counter(), time.process_time()
    run()
    return [time.perf_counter() - clock, time.process_time() - processors]


def warm(run) -> list[float]:
    """The better of two, after one that does not count."""
    run()
    return min(timed(run), timed(run))


def verdict(millions: float, full: bool) -> dict:
    """The verdict's seconds, cold and warm, and the peak of memory above the models' own."""
    from compare.frameworks import devices
    from compare.pair.pair import Pair
    from compare.verdict.precision import FLOAT32
    from compare.verification.verification import Plan, Session

    device, plan = devices.choose("cpu"), Plan(quick=not full)
    Session(Pair(*models(TINY)), device, FLOAT32, Plan(quick=True)).verify()
    reference, port, batch = models(millions)
    count = sum(parameter.numel() for parameter in reference.parameters())
    gc.collect()
    before, peak, reports = resident(), Peak(), []
    large = Session(Pair(reference, port, batch), device, FLOAT32, plan)
    cold = timed(lambda: reports.append(large.verify()))
    measured = {"parameters": count, "verdict": str(reports[0].verdict), "cold_s": cold}
    measured |= {"peak_mib": peak.stop() - before}
    return measured if full else measured | {"warm_s": min(timed(large.verify), timed(large.verify))}


class Peak:
    """The largest resident size, watched every 5 ms by a thread of its own."""

    def __init__(self) -> None:
        self.largest, self.going = resident(), True
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while self.going:
            self.largest = max(self.largest, resident())
            time.sleep(0.005)

    def stop(self) -> float:
        self.going = False
        self.thread.join()
        return self.largest


def resident() -> float:
    """Memory of this process in MiB; the peak that the kernel kept, where it does not tell the present one."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def apart(what: str, millions: float) -> dict:
    """One measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", what, "--millions", str(millions)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(millions: float, rounds: int, full: bool) -> dict:
    """Everything about one size: the passes and the verdict by turns, the best of each."""
    turns = [{**apart("passes", millions), **apart("verdict", millions)} for _ in range(rounds)]
    row = turns[0]
    row["passes_s"] = {name: min(turn["passes_s"][name] for turn in turns) for name in row["passes_s"]}
    row["warm_s"] = min(turn["warm_s"] for turn in turns)
    row["peak_mib"] = max(turn["peak_mib"] for turn in turns)
    needed = [sum(seconds) for seconds in zip(*row["passes_s"].values(), strict=True)]
    row["times"], row["times_processors"] = (one / needed[i] for i, one in enumerate(row["warm_s"]))
    row["sets"] = (row["peak_mib"] - row["activations_mib"]) / (row["parameters"] * 8 / 2**20)
    if full:
        row["full"] = apart("full", millions)
    return row


def said(row: dict) -> str:
    """A row in words."""
    needed = sum(clock for clock, _ in row["passes_s"].values())
    words = (
        f"{row['parameters']:,} parameters: {row['verdict']}\n"
        f"  passes {needed:.1f} s, verdict {row['warm_s'][0]:.1f} s warm: {row['times']:.2f} times "
        f"({row['times_processors']:.2f} in processor time), {row['cold_s'][0]:.1f} s with compiling\n"
        f"  peak {row['peak_mib']:,.0f} MiB above the models: {row['activations_mib']:,.0f} of activations and "
        f"{row['sets']:.2f} float64 sets"
    )
    if full := row.get("full"):
        words += f"\n  the full default run, probes and mutants included: {full['cold_s'][0]:.0f} s, {full['verdict']}"
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[50, 300], help="parameters")
    parser.add_argument("--rounds", type=int, default=2, help="of passes and verdict, by turns")
    parser.add_argument("--full", action="store_true", help="time the full default run too, at the first size")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", choices=("passes", "verdict", "full"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        millions = options.millions[0]
        made = passes(millions) if options.one == "passes" else verdict(millions, options.one == "full")
        print(json.dumps(made))
        return
    rows = []
    for index, millions in enumerate(options.millions):
        rows.append(measure(millions, options.rounds, options.full and index == 0))
        print(said(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
