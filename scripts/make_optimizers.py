"""Write docs/optimizers.md: every recipe of the table of differences run, with how far the naive form goes astray.

python3 -m scripts.make_optimizers
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import optax
import torch

from compare.checkpoints.json_file import read_json, write_json
from compare.explain.differences.recipe_row import OptimizerRow
from compare.explain.differences.rows import OPTIMIZERS as ROWS
from compare.explain.differences.thresholds import EQUAL
from compare.explain.differences.walked import Walked, walked
from compare.pair.training_recipes import RECIPES, in_words

PAGE = Path(__file__).parents[1] / "docs" / "optimizers.md"
NUMBERS = Path(__file__).parents[1] / "results" / "cpu" / "optimizers.json"
SPEED = Path(__file__).parents[1] / "results" / "cpu" / "twin_speed.json"
PLOTTED, BARS = 20, "▁▂▃▄▅▆▇█"
LOWEST, HIGHEST = -16.0, 0.0  # the plot's range, in powers of ten


def plotted(distances: np.ndarray) -> str:
    """The powers of ten over the steps, as bars."""
    logs = np.log10(np.maximum(distances, 10**LOWEST))
    picked = logs[np.linspace(0, len(logs) - 1, PLOTTED).astype(int)]
    heights = (np.clip(picked, LOWEST, HIGHEST) - LOWEST) / (HIGHEST - LOWEST) * (len(BARS) - 1)
    return "".join(BARS[round(float(height))] for height in heights)


def powers(found: Walked) -> list[float]:
    """Those of ten that the naive form is apart, by step."""
    return [round(float(power), 1) for power in np.log10(np.maximum(found.naive, 10**LOWEST))]


def line(row: OptimizerRow, found: Walked) -> str:
    """The row in Markdown.

    Raises:
        ValueError: the twin is none.
    """
    if len(found.twin) and found.twin.max() > EQUAL:
        raise ValueError(f"{row.name}: the twin is {found.twin.max():.0e} apart")
    begins = int(np.argmax(found.naive > EQUAL)) + 1
    apart = f"{found.naive[-1]:.0e} from step {begins}" if found.naive.max() > EQUAL else "equal"
    torchs = "; ".join(f"`{code}`" for code in row.torch_codes)
    naive, twin = row.averages[1:] or (row.naive, row.twin)
    twin = f"`{twin}`" if twin else "none"
    cells = (row.name, torchs, f"`{naive}`", apart, plotted(found.naive), twin, row.differs)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


HEAD = """# The optimizers, translated

An optimizer of optax with the settings of torch's, written by the same names, is often another optimizer: of {all}
recipes in {others}. The table [at the end](#all-recipes) has, for each recipe, torch's code, the optax code that a
person writes from it, how far the two end apart, and an optax code that is equal. That last one uses
`jaxport.optimizers`: functions with torch's names and torch's defaults that return optax transformations
(`from jaxport.optimizers import adamw`). `jaxport read nadam` shows one of them beside torch's.

Three more things are here: [a live torch optimizer](#a-live-optimizer-moved) goes on in JAX from where it stands, and
comes back; [`jaxport train`](#trained-by-a-recipe) trains one model on both sides and judges every step; and
[a run is kept](#a-run-that-is-kept) and resumed.

## A live optimizer, moved

`compare.optax_twin` takes a torch optimizer with its parameter groups, its state and its scheduler, from where it
stands, and makes the optax transformation, its state and its parameters; `to_torch` brings the run back. What has no
twin is refused in one sentence.

```python
import jax, optax, torch
from compare import optax_twin

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.NAdam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100)

twin = optax_twin(optimizer, scheduler, model=model)  # names and layout are torch's: {{"weight": (1, 3), "bias": (1,)}}
grads = jax.tree.map(jax.numpy.ones_like, twin.params)
updates, state = twin.transformation.update(grads, twin.state, twin.params)
params = optax.apply_updates(twin.params, updates)
twin.to_torch(params, state)  # model, optimizer and scheduler go on from here
```

- **Float64**: a model in double is run under `jax.enable_x64(True)`, and is then equal to 1e-12. In float32 both sides
  round, and optax takes `1 - b2**t` in float32, which for `b2` .999 puts Adam's first steps 1e-5 of their size off.
- **The port's own tree**: `optax_twin(optimizer, model=model, params=params, weight_map=weight_map)`.
- **A scheduler that is stepped once an epoch**: `every=` is the number of steps in an epoch. Within one, SGD keeps no
  count of them: `since=` says how many were made since the scheduler's last.
- **ReduceLROnPlateau** takes its value as `update(..., value=loss)`.
- **What to know of a twin** is in `twin.notes`: a scheduler that is no function of the step is a table of its next
  20,000 steps, a parameter that no gradient has reached may move in JAX, a frozen one with a gradient moves in torch.
- **The other way**: `compare.torch_twin(transformation, params, state, model=model)` makes a torch optimizer of one of
  these recipes, or of a chain of optax's own parts, with a scheduler for what follows the step.

A run on real images that changes frameworks twice, NAdam with two groups, clipping and a cycling momentum:
`python examples/resumed.py`. Ten epochs in torch and ten in JAX end 1e-15 from twenty in torch, and so do ten more.

## Trained by a recipe

`jaxport train --recipe adamw-cosine` trains both sides on real images by a recipe of a name, every step judged:

| recipe | |
|---|---|
{recipes}

In float16 small gradients vanish, so the loss is scaled: `torch.amp.GradScaler` on one side, `LossScale` of
`jaxport.optimizers.scaling`, a value that each step returns anew, on the other. A gradient that overflows skips the
step and halves the scale; a hundred sound ones double it. Where the reference skips a step in float32 both oracles skip
it, so each step is judged as closely as any other, the scale with it; which steps each side skipped is told. They need
not be the same at the edge: on the CPU XLA adds up a bias's gradient in float16, torch in float32, so a partial sum can
overflow on one side alone. Such a step is judged by what any order of adding could meet, the sum of all rows' absolute
gradients in float64: where that comes near float16's largest number it is a match, and a port that skips where it
does not (one that scales its loss further than its scale says), or steps where every order overflows, is a mismatch. A
scale that is divided out after the clip and not before it is a mismatch from the first sound step on, and so is Flax's
`DynamicScale`, which doubles one step later than torch, in the step in which it should have. A run in which no step
moves a parameter, too short for what it gathers or skipped throughout, is `incomplete`.

Anything else goes into a pair's file, whose `optimizers=` takes an optimizer with its scheduler:
`jaxport train FILE.py --steps 50` trains the pair on batches of its own and judges each step, with dropout by one
side's masks, running statistics, whatever loss and precision it has; the update rule alone is run for 2,000 steps.
Each batch is drawn when it comes to its step: a run to 500 steps begins with the batches of one to 50.

## A run that is kept

    jaxport train --recipe nadam --checkpoint run.npz
    jaxport train --recipe nadam --checkpoint run.npz --resume

The first writes all that the run depends on into `run.npz` after each epoch: parameters, moments, counts and schedules
of both sides in both precisions, the generator of the rows, and what was found so far. A kill at any moment leaves the
file of the epoch before or of this one. The second goes on from there, and every number of its result is that of a run
that was never stopped, to the bit. A file of another recipe, model, data set, batch or seed is refused in one line, and
so is a damaged one; a run without a recipe may go on for more epochs than it was begun with. Of two runs that are given
one file the second stops at its end of an epoch, and does not write over the other's.

`--resume reference` puts the port where the reference stood: its parameters, moments and counts go through the weight
map, in float32 and in float64, and each side keeps its own optimizer and schedule. `--resume port` puts the reference
where the port stood. What is compared is what always is: after the crossing each step's loss and updates are judged in
float64, so a moment that was lost or moved wrongly is a mismatch from its first step on. To the bit it cannot be: two
frameworks round differently. Gradients that are half gathered (`accumulated`) do not cross.

torch's own `load_state_dict` rounds: NAdam's product of momenta is kept in float32 beside parameters in float64, and is
loaded in float64. The checkpoint puts back what was there.

## What else a loop has

Each is a lesson, both sides run and judged: `jaxport read class_weights`, `mixed_precision`, `loss_scaling`,
`early_stopping`, `adam_and_decay`, `schedules`; also `micro_batches` (accumulation), `modes` (dropout, batch norm) and
`forgotten_eval`. For a model of your own `jaxport verify` replays one side's dropout masks on the other, and judges the
running statistics after training steps: [training.py](../examples/training.py) has both, with weights of classes,
smoothed labels and a schedule (`jaxport train examples/training.py`).

## When it is compiled

XLA divides by a constant through its reciprocal. `optax.exponential_decay(0.1, 107, 0.1, staircase=True)` compiled
falls at step 108, and not at 107; `optax.polynomial_schedule` with a power of .5 is not a number past its end, in
float32. The schedules here count in whole steps, and are tried compiled.

## As fast

{speed}

## Tried

[results/cpu/twin_recipes.txt](../results/cpu/twin_recipes.txt) (`python -m benchmarks.twin_recipes`): 88 recipes of
torch with settings, groups and schedules of their own, 100 steps in float64, three ways: in JAX from the first step;
begun in torch, gone on in JAX and brought back; begun in JAX and gone on in the optimizer of `torch_twin`. 78 are the
same to 1e-12, and five say why they have no twin. The other five end as near as torch does to itself, begun one unit in
the last place away: `Adam(betas=(0.9, 0))` divides each gradient by its own size, and near a minimum a rounding turns
the sign of a whole step. One step from where torch stands is the same to 1e-16 there too.

## All recipes

Of {all} recipes the form by the same names is another function in {others}; {none} have no twin. Every row is run when
this page is made, by `python3 -m scripts.make_optimizers`: torch {torch} and optax {optax}, float64, 100 steps on one
problem that is not quadratic and has several shapes.

- **apart** is the distance of the parameters at the end, over the way that torch's went, and the first step at which it
  is more than rounding; **over the steps** its power of ten at twenty of them, from 1e-16 (▁) to 1 (█).
- **equal** is equal to torch's to 1e-12 in every step, or there is none, and why.
- `p` are torch's parameters, `o` is its optimizer.

| recipe | torch | optax by the same names | apart | over the steps | equal | what differs |
|---|---|---|---|---|---|---|
"""


def speed() -> str:
    """What a step of a twin costs, from the committed result."""
    told = read_json(SPEED)
    times = [family["wall"]["times"]["value"] for family in told["families"]]
    bytes_of = [family["state_bytes"] for family in told["families"]]
    more = max(one["twin"] - one["optax"] for one in bytes_of)
    text = (
        f"Under jit a step of a twin takes {min(times):.2f} to {max(times):.2f} times as long as one of optax's own "
        f"optimizer of its family, over {len(times)} families, {told['entries']:,} parameters, on one thread of a CPU, "
        f"by turns in one process; its state is at most {more} bytes larger (`python benchmarks/twin_speed.py`, "
        "[results/cpu/twin_speed.txt](../results/cpu/twin_speed.txt))."
    )
    return fill(text, 120, break_on_hyphens=False, break_long_words=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rows and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--numbers", type=Path, default=NUMBERS, help="what the site draws the bars from")
    options = parser.parse_args(arguments)
    found = {row: walked(row) for row in ROWS}
    lines = [line(row, one) for row, one in found.items()]
    head = HEAD.format(
        torch=torch.__version__.split("+")[0],
        optax=optax.__version__,
        all=len(ROWS),
        others=sum(one.naive.max() > EQUAL for one in found.values()),
        none=sum(not row.twin for row in ROWS),
        speed=speed(),
        recipes="\n".join(f"| `{name}` | {in_words(name)} |" for name in RECIPES),
    )
    options.out.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    write_json(
        options.numbers,
        {"equal": float(np.log10(EQUAL)), "apart": {row.name: powers(one) for row, one in found.items()}},
    )


if __name__ == "__main__":
    main()
