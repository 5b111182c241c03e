"""What the expressions of a row are given: NumPy arrays, each drawn from a recipe and from its own name."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from compare.arrays.arrays import Arrays

# The same inputs, where gradients jump: everything at zero, everything equal, everything far away.
PROBES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "zeros": np.zeros_like,
    "ties": np.ones_like,
    "large": lambda x: 1000 * x,
}


def generator(name: str) -> np.random.Generator:
    """The one that ``name`` is drawn from, whatever else is drawn."""
    return np.random.default_rng(crc32(name.encode()))


def drawn(recipes: Mapping[str, str]) -> Arrays:
    """The inputs by name, float64 or integer.

    Args:
        recipes: NumPy expressions, in which ``normal(2, 3)``, ``positive`` (0.5 to 2), ``uniform`` (0 to 1), ``wide``
            (-30 to 30), ``signs``, ``logs`` (of probabilities, over the last axis), ``shares`` (probabilities) and
            ``integers(high, 2, 3)`` draw.
    """
    return {name: np.asarray(eval(recipe, _vocabulary(generator(name)))) for name, recipe in recipes.items()}


def _vocabulary(rng: np.random.Generator) -> dict[str, object]:
    def logs(*shape: int) -> np.ndarray:
        x = rng.standard_normal(shape)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    return {
        "np": np,
        "normal": lambda *shape: rng.standard_normal(shape),
        "positive": lambda *shape: rng.uniform(0.5, 2, shape),
        "uniform": lambda *shape: rng.uniform(0, 1, shape),
        "wide": lambda *shape: np.linspace(-30, 30, int(np.prod(shape))).reshape(shape) + 0.1 * rng.uniform(size=shape),
        "signs": lambda *shape: rng.choice([-1.0, 1.0], shape),
        "logs": logs,
        "shares": lambda *shape: np.exp(logs(*shape)),
        "integers": lambda high, *shape: rng.integers(0, high, shape),
    }


@dataclass(frozen=True)
class Given:
    """What both sides are given: arrays by name, and the names of those that a gradient is taken of."""

    arrays: Arrays
    moving: tuple[str, ...]

    def probed(self, probe: str) -> "Given":
        """With what moves put where the probe says."""
        moved = {name: PROBES[probe](self.arrays[name]) for name in self.moving}
        return Given(self.arrays | moved, self.moving)


def given(recipes: Mapping[str, str], constant: Collection[str] = ()) -> Given:
    """The inputs of a row; all that floats moves, but for ``constant``."""
    arrays = drawn(recipes)
    return Given(arrays, tuple(name for name, x in arrays.items() if x.dtype.kind == "f" and name not in constant))


def redrawn_state(state: Mapping[str, np.ndarray]) -> Arrays:
    """A module's parameters and buffers away from 0 and 1, so that none that is forgotten is overlooked; integers and
    booleans stay, and a variance is positive."""
    return {
        name: (
            generator(name).uniform(0.5, 2, x.shape)
            if "var" in name
            else 0.5 * generator(name).standard_normal(x.shape)
        )
        if x.dtype.kind == "f"
        else x
        for name, x in state.items()
    }
