"""What came of an expression, and how far two of them are apart."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """One side's result: its arrays, the gradient of each floating input and parameter, or what it raised."""

    outputs: tuple[np.ndarray, ...] = ()
    gradients: dict[str, np.ndarray] = field(default_factory=dict)
    raised: str = ""


@dataclass(frozen=True)
class Distance:
    """The largest difference, of outputs and of gradients: of entries above 1 relative to them; ``said``: why there is
    none."""

    value: float = 0.0
    gradient: float = 0.0
    said: str = ""

    @property
    def worst(self) -> float:
        """Of both; infinity where they cannot be compared."""
        return np.inf if self.said else max(self.value, self.gradient)


def distance(reference: Outcome, port: Outcome) -> Distance:
    """How far ``port`` is from ``reference``."""
    for side, one in (("torch", reference), ("JAX", port)):
        if one.raised:
            return Distance(np.inf, np.inf, f"{side} raises {one.raised}")
    ours, theirs = [x.shape for x in reference.outputs], [x.shape for x in port.outputs]
    if ours != theirs:
        return Distance(np.inf, np.inf, f"shapes {_listed(ours)} in torch, {_listed(theirs)} in JAX")
    value = max((_apart(a, b) for a, b in zip(reference.outputs, port.outputs, strict=True)), default=0.0)
    gradient = max((_apart(a, port.gradients[name]) for name, a in reference.gradients.items()), default=0.0)
    return Distance(value, gradient)


def furthest(reference: Outcome, port: Outcome, gradients: bool) -> tuple[str, float, float, float]:
    """Where two results of equal shapes are furthest apart ("value", "gradient of x"), how far, and both entries.

    Args:
        gradients: whether these are looked at; where everything is far away they are rounding noise, cancelled.
    """
    pairs = [("value", a, b) for a, b in zip(reference.outputs, port.outputs, strict=True)]
    pairs += (
        []
        if not gradients
        else [(f"gradient of {name}", a, port.gradients[name]) for name, a in reference.gradients.items()]
    )
    found = [(name, gaps(a, b), a, b) for name, a, b in pairs if a.size]
    name, apart, a, b = max(found, key=lambda one: one[1].max())
    at = np.unravel_index(int(np.argmax(apart)), a.shape)
    return name, float(apart[at]), float(a[at]), float(b[at])


def gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The difference of each two entries, of those above 1 relative to the first; infinity where one is not finite and
    the other is, or is so otherwise."""
    ours, theirs = np.asarray(a, float), np.asarray(b, float)
    with np.errstate(all="ignore"):
        apart = np.abs(ours - theirs) / np.maximum(np.abs(ours), 1.0)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return np.where(same, 0.0, np.where(np.isfinite(ours) & np.isfinite(theirs), apart, np.inf))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(gaps(a, b).max()) if a.size else 0.0


def _listed(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes) or "none"
