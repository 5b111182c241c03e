"""Write docs/optimizers.md: every recipe of the table of differences run, with how far the naive form goes astray.

python3 -m scripts.make_optimizers
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optax
import torch

from compare.explain.differences.rows.optimizer_rows import ROWS, OptimizerRow
from compare.explain.differences.thresholds import EQUAL
from compare.explain.differences.walked import Walked, walked

PAGE = Path(__file__).parents[1] / "docs" / "optimizers.md"
PLOTTED, BARS = 20, "▁▂▃▄▅▆▇█"
LOWEST, HIGHEST = -16.0, 0.0  # the plot's range, in powers of ten


def plotted(distances: np.ndarray) -> str:
    """The powers of ten over the steps, as bars."""
    logs = np.log10(np.maximum(distances, 10**LOWEST))
    picked = logs[np.linspace(0, len(logs) - 1, PLOTTED).astype(int)]
    heights = (np.clip(picked, LOWEST, HIGHEST) - LOWEST) / (HIGHEST - LOWEST) * (len(BARS) - 1)
    return "".join(BARS[round(float(height))] for height in heights)


def line(row: OptimizerRow, found: Walked) -> str:
    """The row in Markdown.

    Raises:
        ValueError: the twin is none.
    """
    if len(found.twin) and found.twin.max() > EQUAL:
        raise ValueError(f"{row.name}: the twin is {found.twin.max():.0e} apart")
    begins = int(np.argmax(found.naive > EQUAL)) + 1
    apart = f"{found.naive[-1]:.0e} from step {begins}" if found.naive.max() > EQUAL else "equal"
    torchs = "; ".join(f"`{code}`" for code in (row.torch, row.scheduler, row.clip) if code)
    twin = f"`{row.twin}`" if row.twin else "none"
    cells = (row.name, torchs, f"`{row.naive}`", apart, plotted(found.naive), twin, row.differs)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


HEAD = """# The optimizers, translated

What a person writes in optax by the same names, and what torch computes. Every row is run when this page is made, by
`python3 -m scripts.make_optimizers`: torch {torch} and optax {optax}, float64, 100 steps on one problem that is not
quadratic and has several shapes. "apart" is the distance of the parameters at the end, over the way that torch's went,
and the first step at which it is more than rounding; the bars are its powers of ten over the steps, from 1e-16 to 1.
The last code is of `jaxport.optimizers`, and equal to torch's to 1e-12 in every step. `jaxport read nadam` shows both
sides of one.

## A live optimizer, moved

`compare.optax_twin` makes the twin of an optimizer with its parameter groups, its state and its scheduler, from where
it stands, and brings the run back; what has no twin is refused in one sentence. `compare.torch_twin` goes the other
way.

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

With the port's own tree: `optax_twin(optimizer, model=model, params=params, weight_map=weight_map)`. Where a scheduler
is stepped once an epoch, `every=` is the number of steps in one (and, within an epoch of an optimizer that keeps no
count (SGD), `since=` the number of steps since the scheduler's last); a schedule that follows a value takes it as
`update(..., value=loss)`.

A run on real images that changes frameworks twice, NAdam with two groups, clipping and a cycling momentum:
`python examples/resumed.py`. Ten epochs in torch and ten in JAX end 1e-15 from twenty in torch, and so do ten more.

`jaxport train --recipe adamw-cosine` trains both sides on real images by a recipe of a name (optimizer, schedule,
clipping; also `sgd-steps`, `one-cycle`, `nadam`), every step judged. In a pair of your own, `optimizers=` takes an
optimizer with its scheduler.

## All recipes

Of {all} recipes the form by the same names is another function in {others}; {none} have no twin.

| recipe | torch | optax by the same names | apart | over the steps | equal | what differs |
|---|---|---|---|---|---|---|
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all rows and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    found = {row: walked(row) for row in ROWS}
    lines = [line(row, one) for row, one in found.items()]
    head = HEAD.format(
        torch=torch.__version__.split("+")[0],
        optax=optax.__version__,
        all=len(ROWS),
        others=sum(one.naive.max() > EQUAL for one in found.values()),
        none=sum(not row.twin for row in ROWS),
    )
    options.out.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
