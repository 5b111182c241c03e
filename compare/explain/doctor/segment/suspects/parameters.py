"""Parameters and buffers that enter otherwise, whatever the calls that use them: the last to be suspected."""

from collections.abc import Iterator, Mapping

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.doctor.segment.ideas import RARE, USUAL, Suspect
from compare.explain.doctor.segment.suspects.arithmetic import THETAS


def suspects(weights: Mapping[str, np.ndarray]) -> Iterator[Suspect]:
    """Of each: zero, one, negated, flipped, transposed, its halves exchanged; of a table of frequencies, its base."""
    for name, array in weights.items():
        if not np.issubdtype(array.dtype, np.floating) or not array.size:
            continue
        if array.ndim == 1 and (base := _base(array)):
            yield from _thetas(name, array, base)
        yield _one(name, "zero", np.zeros_like)
        yield _one(name, "negated", np.negative)
        if array.ndim == 1:
            yield _one(name, "one", np.ones_like)
            if len(array) > 1:
                yield _one(name, "reversed", lambda one: one[::-1])
        if array.ndim == 2 and array.shape[0] == array.shape[1] > 1:
            yield _one(name, "transposed", np.transpose)


def _one(name: str, word: str, function) -> Suspect:  # type: ignore[no-untyped-def]
    change = Change(weights={name: function})
    return Suspect("parameter", "as it is", word, f"{name} is {word} in the port", f"{name} {word}", change, RARE + 1)


def _base(frequencies: np.ndarray) -> float:
    """theta of the table theta ** (-i / n); 0.0 where ``frequencies`` is none."""
    count = len(frequencies)
    if count < 3 or frequencies[0] != 1 or not np.all(frequencies > 0):
        return 0.0
    ratio = float(frequencies[1])
    fits = 0 < ratio < 1 and np.allclose(frequencies, ratio ** np.arange(count), rtol=1e-4)
    return ratio ** (-count) if fits else 0.0


def _thetas(name: str, frequencies: np.ndarray, base: float) -> Iterator[Suspect]:
    for theta in THETAS:
        if not np.isclose(theta, base, rtol=1e-3):
            power = np.log(theta) / np.log(base)
            change = Change(weights={name: lambda one, power=power: one**power})  # type: ignore[misc]
            text = f"theta of {name} is {theta:g} in the port, {base:.6g} in the reference"
            yield Suspect("theta", f"{base:.6g}", f"{theta:g}", text, f"theta {theta:g}", change, USUAL)
