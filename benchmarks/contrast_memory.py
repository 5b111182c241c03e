"""Hold the byte columns of ``jaxport contrast`` against the memory that fresh processes take.

    python benchmarks/contrast_memory.py --json results/cpu/contrast_memory.json

A stack of layers whose backward pass needs at least 256 MiB, written in both frameworks: plainly, with each layer made
again (``checkpoint``), in JAX as a loop in Python and as a ``scan``; and the same of blocks as transformers have them
(a norm, two products, a GELU, a sum), which keep more for each value that they hand on. For each row a fresh process
makes everything ready, compiles, and then makes the call: what it took is the peak of resident memory from there on,
less what was resident before; Linux says both, and forgets the peak of what came before. XLA's CPU client keeps no
statistics of its own. What a row counts is said beside it: of PyTorch and of ``jax.vjp`` what the tape, or the
residuals, hold after the forward pass; of a compiled program its temporaries at most, results left out.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROWS, WIDTH, DEPTH = 8192, 512, 32
BLOCK_ROWS, BLOCKS = 4096, 16
Call = Callable[[], object]
# An array is given back to the system when it is freed: by default the C library keeps the hole that it leaves, which
# no aligned array of the same size fits into, and a peak would count both.
GIVEN_BACK = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1048576"}


def torch_row(again: bool, compiled: bool) -> tuple[int, Call, int]:
    """What the tape counts, the forward pass, and no bytes of results."""
    import torch
    from torch.utils.checkpoint import checkpoint

    from compare.measure.contrast.costs import BACKEND, kept_by

    torch.manual_seed(0)
    weights = [(torch.randn(WIDTH, WIDTH) / WIDTH**0.5).requires_grad_() for _ in range(DEPTH)]
    x = torch.randn(ROWS, WIDTH)

    def layer(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch.tanh(torch.sin(x @ w))

    def loss(x: torch.Tensor) -> torch.Tensor:
        for w in weights:
            x = checkpoint(layer, x, w, use_reentrant=False) if again else layer(x, w)
        return x.mean()

    run = torch.compile(loss, backend=BACKEND) if compiled else loss
    few = x[:64].contiguous()
    if compiled:
        run(few).backward()
        torch._dynamo.mark_dynamic(few, 0)
    counted = kept_by(run(few), weights, few) * ROWS // 64
    return counted, lambda: run(x), 0


def jax_row(again: bool, scanned: bool, compiled: bool, blocks: bool = False) -> tuple[int, Call, int]:
    """What the residuals, or the program's plan, count; the call; and the bytes of its results."""
    import jax
    import jax.numpy as jnp

    from compare.measure.contrast.costs import temporaries

    key = jax.random.key(0)
    shape = (BLOCKS, 2, WIDTH, WIDTH) if blocks else (DEPTH, WIDTH, WIDTH)
    weights = jax.random.normal(key, shape) / WIDTH**0.5
    x = jax.random.normal(key, (BLOCK_ROWS if blocks else ROWS, WIDTH))

    def layer(x: jax.Array, w: jax.Array) -> tuple[jax.Array, None]:
        return jnp.tanh(jnp.sin(x @ w)), None

    def block(x: jax.Array, w: jax.Array) -> tuple[jax.Array, None]:
        normed = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
        return x + jax.nn.gelu(normed @ w[0]) @ w[1], None

    plain = block if blocks else layer
    one = jax.checkpoint(plain) if again else plain

    def loss(weights: jax.Array, x: jax.Array) -> jax.Array:
        if scanned:
            return jnp.mean(jax.lax.scan(one, x, weights)[0])
        for w in weights:
            x = one(x, w)[0]
        return jnp.mean(x)

    if compiled:
        program = jax.jit(jax.value_and_grad(loss)).lower(weights, x).compile()
        counted = temporaries(program)
        assert counted is not None
        return counted, lambda: jax.block_until_ready(program(weights, x)), weights.nbytes
    few = jax.vjp(loss, weights, x[:64])
    own = {leaf.unsafe_buffer_pointer(): leaf for leaf in jax.tree.leaves(few[1])}
    rows = sum(leaf.nbytes for leaf in own.values() if 64 in leaf.shape)
    others = sum(leaf.nbytes for leaf in own.values() if 64 not in leaf.shape)
    del few, own
    return rows * ROWS // 64 + others, lambda: jax.block_until_ready(jax.vjp(loss, weights, x)), 0


TABLE: dict[str, tuple[str, Callable[[], tuple[int, Call, int]]]] = {
    "tape": ("held after the forward pass", lambda: torch_row(again=False, compiled=False)),
    "tape, layers made again": ("held after the forward pass", lambda: torch_row(again=True, compiled=False)),
    "torch.compile": ("saved by AOTAutograd", lambda: torch_row(again=False, compiled=True)),
    "residuals": ("of jax.vjp, op by op", lambda: jax_row(again=False, scanned=False, compiled=False)),
    "jit": ("temporaries at most", lambda: jax_row(again=False, scanned=False, compiled=True)),
    "jit, layers made again": ("temporaries at most", lambda: jax_row(again=True, scanned=False, compiled=True)),
    "jit of a scan": ("temporaries at most", lambda: jax_row(again=False, scanned=True, compiled=True)),
    "jit of a scan, made again": ("temporaries at most", lambda: jax_row(again=True, scanned=True, compiled=True)),
    "jit of blocks": ("temporaries at most", lambda: jax_row(again=False, scanned=False, compiled=True, blocks=True)),
    "blocks, made again": (
        "temporaries at most",
        lambda: jax_row(again=True, scanned=False, compiled=True, blocks=True),
    ),
    "scan of blocks": ("temporaries at most", lambda: jax_row(again=False, scanned=True, compiled=True, blocks=True)),
    "scan of blocks, made again": (
        "temporaries at most",
        lambda: jax_row(again=True, scanned=True, compiled=True, blocks=True),
    ),
}


def child(name: str) -> None:
    """Print what is counted, the bytes of results, and what the call took at its peak."""
    counted, call, results = TABLE[name][1]()
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on: compiling has taken more
    kept = call()
    assert kept is not None
    print(json.dumps({"counted": counted, "taken": resident("VmHWM") - before - results}))


def resident(line: str) -> int:
    """Bytes of this process by a line of what Linux says of it: resident now, or at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(one.split()[1] for one in status.splitlines() if one.startswith(line)))


def measured(name: str) -> dict[str, object]:
    """A row: what is counted, and what a call took of memory beside its results."""
    command = [sys.executable, __file__, "--child", name]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=GIVEN_BACK).stdout
    found = json.loads(printed.splitlines()[-1])
    counted, taken = found["counted"], found["taken"]
    return {"row": name, "counts": TABLE[name][0], "bytes": counted, "taken": taken, "apart": taken / counted - 1}


def lines(form: dict) -> list[str]:
    """The table, as it is printed."""
    shown = [f"{form['depth']} layers of {form['width']}, {form['rows']:,} rows"]
    if "blocks" in form:
        shown[0] += f"; {form['blocks']} blocks, {form['block_rows']:,} rows"
    shown.append(f"{'':28}{'counted, MiB':>14}{'taken, MiB':>12}{'apart':>8}  what is counted")
    for row in form["found"]:
        mib = [f"{row[key] / 2**20:,.1f}" for key in ("bytes", "taken")]
        shown.append(f"{row['row']:28}{mib[0]:>14}{mib[1]:>12}{100 * row['apart']:>+7.1f}%  {row['counts']}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--child", choices=TABLE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    form = {
        "rows": ROWS, "width": WIDTH, "depth": DEPTH, "block_rows": BLOCK_ROWS, "blocks": BLOCKS,
        "found": [measured(name) for name in TABLE],
    }  # fmt: skip
    print("\n".join(lines(form)))
    if options.json:
        options.json.write_text(json.dumps(form, indent=1) + "\n")


if __name__ == "__main__":
    main()
