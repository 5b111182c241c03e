"""Parameters and buffers that enter otherwise, whatever the calls that use them: the last to be suspected."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.doctor.segment.suspects.arithmetic import THETAS
from compare.explain.doctor.thresholds import RARE
from compare.explain.doctor.trials import Suspect

_WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "zero": np.zeros_like, "negated": np.negative, "one": np.ones_like, "reversed": lambda own: own[::-1],
    "transposed": np.transpose,
}  # fmt: skip


def suspects(weights: Mapping[str, np.ndarray]) -> Iterator[Suspect[Change]]:
    """Of each: zero, one, negated, reversed, transposed; of a table of frequencies, its base."""
    for name, array in weights.items():
        if not np.issubdtype(array.dtype, np.floating) or not array.size:
            continue
        if array.ndim == 1 and (base := _base(array)):
            yield from _thetas(name, base)
        vector, square = array.ndim == 1, array.ndim == 2 and array.shape[0] == array.shape[1] > 1
        for word, change in _WAYS.items():
            if word in ("zero", "negated") or (square if word == "transposed" else vector and len(array) > 1):
                text, entering = f"{name} is {word} in the port", Change(weights={name: change})
                yield Suspect("parameter", "as it is", word, entering, RARE + 1, text, f"{name} {word}")


def _base(frequencies: np.ndarray) -> float:
    """theta of the table theta ** (-i / n); 0.0 where ``frequencies`` is none."""
    count = len(frequencies)
    if count < 3 or frequencies[0] != 1 or not np.all(frequencies > 0):
        return 0.0
    ratio = float(frequencies[1])
    fits = 0 < ratio < 1 and np.allclose(frequencies, ratio ** np.arange(count), rtol=1e-4)
    return ratio ** (-count) if fits else 0.0


def _thetas(name: str, base: float) -> Iterator[Suspect[Change]]:
    for theta in THETAS:
        if not np.isclose(theta, base, rtol=1e-3):
            power = np.log(theta) / np.log(base)
            change = Change(weights={name: lambda own, power=power: own**power})  # type: ignore[misc]
            yield Suspect("theta", f"{base:.6g}", f"{theta:g}", change)
