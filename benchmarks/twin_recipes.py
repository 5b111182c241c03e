"""Many recipes of torch as their twins in optax, in float64 over 100 steps of a problem that is not quadratic.

    python -m benchmarks.twin_recipes [WORD ...]

Each row: how far the twin is from torch from its first step on; torch for 37 steps, JAX for 31 and torch again; JAX for
37 steps and the torch optimizer of ``torch_twin`` from there; the largest relative distance of the parameters in any
step. The last number is torch's own: begun one unit in the last place away. Where it is large no two programs end
alike, and the twin is held to that. What has no twin says why.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import torch
from torch.optim.swa_utils import SWALR

from benchmarks.twin_recipe_rows import GROUPED, NO_TWIN, OPTIMIZERS, SCHEDULED
from compare import optax_twin, torch_twin
from compare.errors import UsageError
from compare.explain.differences.twin_problem import SHAPES, STEPS, TorchRun, apart, jax_walk
from compare.explain.differences.walked import NAMES

EQUAL, OWN = 1e-12, 100  # relative; times torch's own distance, where that is larger
FIRST, SECOND = 37, 31  # steps in torch, and in JAX
SHORT = 30  # steps of L-BFGS, whose gradient is nothing but rounding from there on
ROWS = (*((one, "") for one in (*OPTIMIZERS, *NO_TWIN, *GROUPED)), *SCHEDULED)


def run_of(optimizer: str, scheduler: str = "") -> TorchRun:
    """torch's side of a row, from the start; its parameters have names."""
    given = {**NAMES, "tensor": _tensor, "float32": torch.float32, "SWALR": SWALR}

    def make(p: list[Any]) -> Any:
        made = eval(optimizer, {**given, "p": p, "groups": _groups(p), "frozen": _frozen(p)})
        names = dict(zip(map(id, p), SHAPES, strict=True))
        for group in made.param_groups:
            group["param_names"] = [names[id(one)] for one in group["params"]]
        return made

    return TorchRun(make, (lambda o: eval(scheduler, {**given, "o": o})) if scheduler else None)


def _tensor(value: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(value, dtype=dtype)


def _groups(p: list[Any]) -> Callable[..., Any]:
    return lambda kind, one, two, **shared: kind([{"params": p[::3], **one}, {"params": p[1:3], **two}], **shared)


def _frozen(p: list[Any]) -> Callable[..., Any]:
    def make(kind: Callable[..., Any], **told: Any) -> Any:
        p[1].requires_grad_(False)
        return kind(p, **told)

    return make


def distances(optimizer: str, scheduler: str = "") -> tuple[float, float, float, float]:
    """From the start, there and back, by ``torch_twin``, and torch's own.

    Raises:
        UsageError: it has no twin.
    """
    steps = SHORT if optimizer.startswith("LBFGS") else STEPS
    first, second = (FIRST, SECOND) if steps == STEPS else (10, 10)
    whole = run_of(optimizer, scheduler).walk(steps)
    fresh = run_of(optimizer, scheduler)
    twin = optax_twin(fresh.optimizer, fresh.scheduler, model=fresh.params)
    begun, params, state = jax_walk(twin.transformation, twin.params, twin.state, first)
    rest, _, _ = jax_walk(twin.transformation, params, state, steps - first)
    back = TorchRun(lambda p: torch.optim.SGD(p, lr=0.1))
    made = torch_twin(twin.transformation, params, state, model=back.params)
    back.optimizer, back.scheduler = made.optimizer, made.scheduler

    run = run_of(optimizer, scheduler)
    run.walk(first)
    there = optax_twin(run.optimizer, run.scheduler, model=run.params)
    middle, params, state = jax_walk(there.transformation, there.params, there.state, second)
    there.to_torch(params, state)
    crossed = [*middle, *run.walk(steps - first - second)]

    moved = run_of(optimizer, scheduler)
    with torch.no_grad():
        for one in moved.params.values():
            one.mul_(1 + np.finfo(float).eps)
    return (
        apart(whole, [*begun, *rest]),
        apart(whole[first:], crossed),
        apart(whole[first:], back.walk(steps - first)),
        apart(whole, moved.walk(steps)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that have one of the words, print one line each; 1 where one is too far."""
    words = sys.argv[1:] if arguments is None else arguments
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    wrong = 0
    print(f"{'start':>7} {'across':>7} {'torch':>7} {'own':>7}  recipe")
    for row in ROWS:
        name = " | ".join(filter(None, row))
        if words and not any(word in name for word in words):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                *found, own = distances(*row)
            except UsageError as error:
                print(f"{'':>31}  {name}: {error}", flush=True)
                continue
        far = max(found) > max(EQUAL, OWN * own)
        wrong += far
        cells = " ".join(f"{one:7.0e}" for one in (*found, own))
        print(f"{cells}  {name}{'  TOO FAR' if far else ''}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
