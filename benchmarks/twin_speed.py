"""What does a step of each twin cost beside optax's plain optimizer of its family, compiled; how large is its state?

One million parameters on one thread. Of each family the twin, optax's own, and optax's once more run the same number of
steps as one program, in random order in every round of one process; the ratio is the median over the rounds, with its
bootstrap's 95 % interval, and the third is what optax's is beside itself: the noise. Wall time means something on a
quiet machine alone; processor time is measured beside it, and `--by processor` judges by that.

    python benchmarks/twin_speed.py [--json results/cpu/twin_speed.json]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxport.optimizers as ours
from compare.frameworks.devices import choose
from compare.frameworks.environment import fingerprint
from compare.measure.bench.ratios import UNPUBLISHED, noise, ratio
from compare.measure.bench.threads import pin

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


GRADIENTS = 4
TWIN, PLAIN, AGAIN = "twin", "optax", "optax again"
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
Rounds = dict[str, dict[str, list[float]]]  # seconds of a step in each round, by clock and by who ran


def arrays(entries: int, several: tuple[int, ...] = ()) -> dict[str, jax.Array]:
    """A matrix with nearly all of them, and a bias."""
    rng, width = np.random.default_rng(len(several)), max(1, int(entries**0.5))
    shapes = {"kernel": (max(1, entries // width - 1), width), "bias": (width,)}
    return {name: jnp.asarray(rng.standard_normal(several + shape), jnp.float32) for name, shape in shapes.items()}


def stepped(optimizer: Any) -> Callable[[Any, Any, Any, int], Any]:
    """So many steps as one compiled program, by gradients that lie in buffers of their own, as those of a backward pass
    do: several, taken in turn, so that no part of a step can be done once for all."""

    def run(grads: Any, params: Any, state: Any, steps: int) -> Any:
        def one(step: int, kept: tuple[Any, Any]) -> tuple[Any, Any]:
            params, state = kept
            own = jax.tree.map(lambda several: several[step % GRADIENTS], grads)
            updates, state = optimizer.update(own, state, params)
            return optax.apply_updates(params, updates), state

        return jax.lax.fori_loop(0, steps, one, (params, state))

    return jax.jit(run)


def size(state: Any) -> int:
    """Its bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state))


def seconds(run: Callable[[int], Any], steps: int) -> dict[str, float]:
    """Of one step of so many, by clock."""
    begun = {name: clock() for name, clock in CLOCKS.items()}
    jax.block_until_ready(run(steps))
    return {name: (clock() - begun[name]) / steps for name, clock in CLOCKS.items()}


def measured(pair: tuple[Any, Any], entries: int, block: float, rounds: int) -> tuple[Rounds, int]:
    """What each step took, round by round; and how many steps made a block."""
    params, grads = arrays(entries), arrays(entries, (GRADIENTS,))
    runs: dict[str, Callable[[int], Any]] = {}
    for name, optimizer in ((TWIN, pair[0]), (PLAIN, pair[1]), (AGAIN, pair[1])):
        program, state = stepped(optimizer), optimizer.init(params)
        runs[name] = lambda steps, program=program, state=state: program(grads, params, state, steps)
        seconds(runs[name], 1)  # which compiles
    steps = max(1, round(block / min(seconds(run, 3)["wall"] for run in runs.values())))
    rng, found = np.random.default_rng(0), {clock: {name: list[float]() for name in runs} for clock in CLOCKS}
    for _ in range(rounds):
        for name in rng.permutation([*runs]):
            for clock, took in seconds(runs[name], steps).items():
                found[clock][name].append(took)
    return found, steps


def row(family: str, pair: tuple[Any, Any], entries: int, block: float, rounds: int) -> dict[str, Any]:
    """One family, as it is written."""
    found, steps = measured(pair, entries, block, rounds)
    made: dict[str, Any] = {"family": family, "steps": steps}
    for clock, of in found.items():
        by = {name: [np.array(own)] for name, own in of.items()}
        times, again = ratio(by[TWIN], by[PLAIN]), ratio(by[AGAIN], by[PLAIN])
        made[clock] = {
            "seconds": {name: float(np.median(own)) for name, own in of.items()},
            "times": {key: one for key, one in asdict(times).items() if key != "word"},
            "noise": noise(again),
        }
    made["state_bytes"] = {name: size(one.init(arrays(entries))) for name, one in zip((TWIN, PLAIN), pair, strict=True)}
    return made


def word(found: Mapping[str, Any]) -> str:
    """What may be said of a ratio: within what is allowed, above it, or neither."""
    times = found["times"]
    if found["noise"] > UNPUBLISHED:
        return f"noise of {found['noise']:.0%}: measure again"
    if times["high"] <= ALLOWED:
        return ""
    return f"above {ALLOWED}" if times["low"] > ALLOWED else f"{ALLOWED} is within its interval"


def lines(form: Mapping[str, Any]) -> Iterator[str]:
    """The result as it is printed."""
    by = form["by"]
    yield f"{form['entries']:,} parameters, one thread, {by} time, {form['rounds']} rounds; times optax's own"
    yield f"{'family':16}{'twin us':>9}{'optax us':>10}{'times':>7}  {'95 % interval':15}{'state':>12}{'optax':>12}"
    for one in form["families"]:
        found, state = one[by], one["state_bytes"]
        times, took = found["times"], found["seconds"]
        cells = f"{one['family']:16}{1e6 * took[TWIN]:9.1f}{1e6 * took[PLAIN]:10.1f}{times['value']:7.2f}"
        interval = f"{times['low']:.2f} to {times['high']:.2f}"
        yield f"{cells}  {interval:15}{state[TWIN]:12,}{state[PLAIN]:12,}  {word(found)}".rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all families, print one line each, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many parameters")
    parser.add_argument("--block", type=float, default=0.08, help="seconds that one program takes")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--by", choices=CLOCKS, default="wall", help="the clock that is judged by")
    parser.add_argument("--only", nargs="*", choices=PAIRS, default=[*PAIRS], metavar="FAMILY")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    pin(1)
    form: dict[str, Any] = {
        "environment": fingerprint(choose("cpu")),
        "entries": options.entries,
        "rounds": options.rounds,
        "by": options.by,
        "wanted_at_most": ALLOWED,
        "families": [],
    }
    printed = 0
    for family in options.only:
        form["families"].append(row(family, PAIRS[family], options.entries, options.block, options.rounds))
        said = [*lines(form)]
        print(*said[printed:], sep="\n", flush=True)
        printed = len(said)
        if options.json:  # after each, so that a run which is cut off leaves what it has
            options.json.write_text(json.dumps(form, indent=1) + "\n")


if __name__ == "__main__":
    main()
