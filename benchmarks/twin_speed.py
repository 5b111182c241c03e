"""What a step of each twin costs beside the plain optax optimizer of its family, compiled; and how large its state is.

    python benchmarks/twin_speed.py [--entries 1000000] [--steps 200] [--rounds 7]

Both run the same number of steps as one program, by turns, and the least time of all rounds counts. A time means
something on a quiet machine alone.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxport.optimizers as ours

ALLOWED = 1.1  # times the plain optimizer's
# By family: the twin, and what optax has by the same name (its RMSprop with epsilon where torch has it).
PAIRS: dict[str, tuple[Any, Any]] = {
    "sgd, momentum": (ours.sgd(1e-3), optax.sgd(1e-3, 0.9)),
    "sgd, dampening": (ours.sgd(1e-3, dampening=0.1), optax.sgd(1e-3, 0.9)),
    "adam": (ours.adam(), optax.adam(1e-3)),
    "adam, amsgrad": (ours.adam(amsgrad=True), optax.amsgrad(1e-3)),
    "adamw": (ours.adamw(), optax.adamw(1e-3)),
    "adamw, cosine": (
        ours.adamw(ours.cosine_annealing_lr(1e-3, 100)),
        optax.adamw(optax.cosine_decay_schedule(1e-3, 100)),
    ),
    "adamax": (ours.adamax(), optax.adamax(2e-3)),
    "nadam": (ours.nadam(), optax.nadam(2e-3)),
    "radam": (ours.radam(), optax.radam(1e-3)),
    "rmsprop": (ours.rmsprop(), optax.rmsprop(1e-2, eps_in_sqrt=False)),
    "adagrad": (ours.adagrad(), optax.adagrad(1e-2)),
    "adadelta": (ours.adadelta(), optax.adadelta(1.0)),
    "adafactor": (ours.adafactor(), optax.adafactor(1e-2)),
    "rprop": (ours.rprop(), optax.rprop(1e-2)),
    "lbfgs": (ours.lbfgs(history_size=10), optax.lbfgs(1.0, memory_size=10, linesearch=None)),
}


def parameters(entries: int) -> dict[str, jax.Array]:
    """A matrix with nearly all of them, and a bias."""
    rng, width = np.random.default_rng(0), max(1, int(entries**0.5))
    shapes = {"kernel": (max(1, entries // width - 1), width), "bias": (width,)}
    return {name: jnp.asarray(rng.standard_normal(shape), jnp.float32) for name, shape in shapes.items()}


def stepped(optimizer: Any, steps: int) -> Callable[[Any, Any], Any]:
    """So many steps down a quadratic as one compiled program."""

    def one(_: int, kept: tuple[Any, Any]) -> tuple[Any, Any]:
        params, state = kept
        updates, state = optimizer.update(params, state, params)
        return optax.apply_updates(params, updates), state

    return jax.jit(lambda params, state: jax.lax.fori_loop(0, steps, one, (params, state)))


def size(state: Any) -> int:
    """Its bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state))


def measured(pair: tuple[Any, Any], params: Any, steps: int, rounds: int) -> list[float]:
    """The least seconds of a step of each, taken by turns."""
    runs = [(stepped(one, steps), one.init(params)) for one in pair]
    for run, state in runs:
        jax.block_until_ready(run(params, state))
    least = [float("inf")] * len(runs)
    for turn in range(rounds * len(runs)):
        at = turn % len(runs)
        run, state = runs[at]
        begin = time.perf_counter()
        jax.block_until_ready(run(params, state))
        least[at] = min(least[at], (time.perf_counter() - begin) / steps)
    return least


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all families and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many parameters")
    parser.add_argument("--steps", type=int, default=200, help="in one program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=PAIRS, default=[*PAIRS], metavar="FAMILY")
    options = parser.parse_args(arguments)
    params = parameters(options.entries)
    print(f"{'family':16} {'twin us':>9} {'optax us':>9} {'times':>6} {'state':>11} {'optax':>11}")
    for name, pair in ((one, PAIRS[one]) for one in options.only):
        twin, plain = measured(pair, params, options.steps, options.rounds)
        own, other = (size(one.init(params)) for one in pair)
        over = "" if twin <= ALLOWED * plain else f"  above {ALLOWED}"
        print(f"{name:16} {1e6 * twin:9.1f} {1e6 * plain:9.1f} {twin / plain:6.2f} {own:11,} {other:11,}{over}")


if __name__ == "__main__":
    main()
