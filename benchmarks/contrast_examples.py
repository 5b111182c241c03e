"""Hold the byte columns of ``jaxport contrast`` on the project's pairs and examples against what is measured there.

    python benchmarks/contrast_examples.py --json results/cpu/contrast_examples.json

The tape and the residuals at the pair's own batch, to the byte: every memory that an operation of the forward pass has
made and that something holds afterwards; every array of JAX's that is there after ``jax.vjp`` and was not before. What
compilers decide at so many rows that it is at least 256 MiB, by the resident memory of a fresh process, which makes
everything ready and then makes the call: of ``torch.compile`` what is held more after the forward pass than before, of
``jax.jit`` the peak of the call, results left out. Linux says both, and forgets the peak of what came before. What
torch reserves and does not fill (a recurrent layer's workspace) is not resident, and held all the same: of
``torch.compile`` the process's data is counted, resident or not, and what of it is resident stands beside it.

The kernel of a convolution on the CPU copies what it reads, which XLA's plan does not hold: what the largest may take
so is counted with the temporaries, as ``--costs`` has it in a row of its own.

A row that the file has already is not run again: a run that was stopped goes on where it was.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from compare.checkpoints.json_file import write_json

ENOUGH = 256 << 20
PAIRS = (
    "mlp", "loose", "examples/gpt_block.py", "examples/resnet.py", "examples/vit.py", "examples/convnext.py",
    "examples/lstm.py", "examples/llama_decoder.py", "examples/equinox_vit.py",
)  # fmt: skip
COMPILED = ("torch.compile", "jax.jit")
FILLED = 0.9  # of what is held: where less is resident, that is said
FEW = 128  # rows, from which it is seen how many are enough
# An array is given back to the system when it is freed: else a peak would count holes too.
GIVEN_BACK = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1048576"}
Call = Callable[[], object]


def given(name: str, rows: int) -> tuple[Any, Any, Any]:
    """The pair on either side with so many rows, 0 for its own; and what the port is run inside."""
    from compare.cli.named import pair_of
    from compare.frameworks.devices import choose
    from compare.measure.contrast.ways.given_jax import JaxGiven
    from compare.measure.contrast.ways.given_torch import TorchGiven
    from compare.pair.number_of_rows import with_rows
    from compare.pair.prepare import prepare
    from compare.sides.port_forward import PortForward
    from compare.sides.reference_forward import ReferenceForward
    from compare.verdict.precision import FLOAT32

    device = choose("cpu")
    pair = pair_of(name)
    prepared = prepare(pair, 0)
    if rows:
        prepared = replace(prepared, pair=with_rows(pair, rows))
    entering = prepared.enter(0, 1).at(FLOAT32)
    side = PortForward(prepared, FLOAT32, device.jax)
    reference = TorchGiven(ReferenceForward(prepared, FLOAT32, device.torch), entering, frozenset())
    with side.x64():
        return reference, JaxGiven(side, entering), side


def own_batch(name: str) -> dict[str, tuple[int, int]]:
    """Of the tape and of the residuals what is counted, and what is there."""
    import jax
    import torch

    from compare.cli.named import pair_of
    from compare.frameworks.devices import choose
    from compare.frameworks.steps.torch_costs import bytes_left
    from compare.measure.contrast.contrast import contrast
    from compare.verdict.precision import FLOAT32

    made = contrast(pair_of(name), choose("cpu"))
    reference, port, side = given(name, 0)
    leaves = reference.leaves()
    with torch.enable_grad(), torch.random.fork_rng():
        left = bytes_left(lambda: reference.loss(leaves, reference.inputs, reference.targets))
    with side.x64():
        gc.collect()
        before = {id(one) for one in jax.live_arrays()}
        kept = jax.vjp(lambda own: port.loss(own, port.inputs, port.targets), port.params)
        gc.collect()
        there = [one for one in jax.live_arrays() if id(one) not in before and one is not kept[0]]
        memories = {one.unsafe_buffer_pointer(): one.nbytes for one in there}
        # What only the comparison multiplies the outputs of a pair without a loss by is there too, and no residual.
        ours = sum(one.astype(FLOAT32.name).nbytes for one in port.cotangents())
    return {
        "tape": (made.tape_bytes, left),
        "residuals": (made.residual_bytes + made.copied_bytes, sum(memories.values()) - ours),
    }


def compiled(name: str, column: str, rows: int) -> tuple[int, Call, int]:
    """What is counted at so many rows, the call, and the bytes of its results."""
    import jax
    import torch

    from compare.frameworks.steps.xla_workspace import xla_workspace
    from compare.measure.contrast.costs import BACKEND, kept_by, temporaries

    reference, port, side = given(name, rows)
    if column == "jax.jit":
        args = (port.params, port.inputs, port.targets)
        with side.x64():
            program = jax.jit(jax.value_and_grad(port.loss)).lower(*args).compile()
        counted = temporaries(program)
        assert counted is not None
        results = sum(leaf.nbytes for leaf in jax.tree.leaves(port.params))
        counted += xla_workspace(program.as_text() or "")
        return counted, lambda: jax.block_until_ready(program(*args)), results
    leaves = reference.leaves()
    module: Any = torch.compile(reference.module, backend=BACKEND)
    held = reference.named_in(module, leaves)

    def forward() -> torch.Tensor:
        loss: torch.Tensor = torch.func.functional_call(module, held, (reference.inputs, reference.targets))
        return loss

    with torch.enable_grad():
        buffers = dict(reference.module.named_buffers())
        counted = kept_by(forward(), leaves, reference.inputs, reference.targets, buffers, reference.module.against)
    return counted, forward, 0


def child(name: str, column: str, rows: int) -> None:
    """Print what is counted and what is measured: of the own batch, of ``rows`` rows without a call, or with one."""
    if not rows:
        print(json.dumps(own_batch(name)))
        return
    if not column:
        print(json.dumps({each: compiled(name, each, rows)[0] for each in COMPILED}))
        return
    counted, call, results = compiled(name, column, rows)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    before = {line: said(line) for line in ("VmRSS", "VmData")}
    kept = call()
    assert kept is not None
    resident = said("VmHWM" if column == "jax.jit" else "VmRSS") - before["VmRSS"] - results
    measured = resident if column == "jax.jit" else said("VmData") - before["VmData"]
    print(json.dumps([counted, measured, resident]))


def said(line: str) -> int:
    """Bytes of this process by a line of what Linux says of it: resident now, at the peak, or its data in all."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(one.split()[1] for one in status.splitlines() if one.startswith(line)))


def asked(name: str, column: str = "", rows: int = 0) -> Any:
    """What a fresh process says."""
    command = [sys.executable, __file__, "--child", name, "--column", column, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=GIVEN_BACK)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def measured(name: str, known: set[str]) -> list[dict[str, Any]]:
    """The rows of one pair, those that are ``known`` left out."""
    found = []
    if not known >= {"tape", "residuals"}:
        found = [(column, 0, *both, both[1]) for column, both in asked(name).items()]
    columns = asked(name, "", FEW).items() if not known.issuperset(COMPILED) else ()
    for column, counted in columns:
        rows = int(1.1 * FEW * ENOUGH / max(1, counted))
        if column not in known:
            found.append((column, rows, *asked(name, column, rows)))
    return [
        {"pair": name, "column": column, "rows": rows, "bytes": counted, "measured": there, "resident": resident,
         "apart": there / counted - 1 if counted else 0.0}
        for column, rows, counted, there, resident in found
    ]  # fmt: skip


def lines(form: dict[str, Any]) -> list[str]:
    """The table, as it is printed."""
    shown = [f"{'pair':28}{'column':16}{'rows':>9}{'counted':>16}{'measured':>16}{'apart':>8}  resident"]
    for row in form["found"]:
        rows = f"{row['rows']:,}" if row["rows"] else "its own"
        counts = f"{row['bytes']:>16,}{row['measured']:>16,}"
        short = row["resident"] / row["measured"] if row["measured"] else 1.0
        beside = f"  {row['resident']:,}: the rest is reserved and never filled" if short < FILLED else ""
        shown.append(f"{row['pair']:28}{row['column']:16}{rows:>9}{counts}{100 * row['apart']:>+7.1f}%{beside}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", default=PAIRS, help="pairs and files (default: all)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--column", default="", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.column, options.rows)
        return
    found: list[dict[str, Any]] = []
    if options.json and options.json.exists():
        found = json.loads(options.json.read_text())["found"]
    for name in options.pairs:
        known = {row["column"] for row in found if row["pair"] == name}
        if known >= {"tape", "residuals", *COMPILED}:
            continue
        print(name, file=sys.stderr, flush=True)
        found += measured(name, known)
        found.sort(key=lambda row: options.pairs.index(row["pair"]) if row["pair"] in options.pairs else -1)
        if options.json:
            write_json(options.json, {"found": found})
    print("\n".join(lines({"found": found})))


if __name__ == "__main__":
    main()
