"""Whose values an array holds, where they are not its own line's."""

from collections.abc import Mapping

import numpy as np

from compare.weights.own.rearrangement import in_place_of, in_words, rearrangement
from compare.weights.own.value_relation import is_constant, room_of, value_relation, wide_floats


class OtherLines:
    """Every line's right values, looked through for those of one array."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """``arrays``: by the line's name, in its own layout."""
        self._arrays = arrays
        self._by_size: dict[int, list[tuple[str, float]]] | None = None

    def of(self, given: np.ndarray, own: str) -> str:
        """The name of the line but ``own`` whose values, rounded or in other places, are ``given`` (float64), and how;
        empty where there is none."""
        size, room = _mean_size(given), room_of(given)
        found, ranked_given = "", None
        for name, other_size in self._known().get(given.size, []):
            if name == own or abs(other_size - size) > room * size or not size:
                continue
            values = wide_floats(self._arrays[name])
            if is_constant(values):
                continue
            if values.shape == given.shape and (here := value_relation(values, given, scaled=False)):
                return f"{name}'s{f', {here.text}' if here.text else ''}"
            if found:
                continue
            ranked_given = np.sort(given, axis=None) if ranked_given is None else ranked_given
            if ranked := value_relation(np.sort(values, axis=None), ranked_given, scaled=False):
                moved = rearrangement(in_place_of(values, ranked_given), given)
                how = ", ".join(filter(None, [in_words(moved, given.shape) if moved else "", ranked.text]))
                found = f"{name}'s{f', {how}' if how else ''}"
        return found

    def _known(self) -> dict[int, list[tuple[str, float]]]:
        if self._by_size is None:
            self._by_size = {}
            for name, array in self._arrays.items():
                self._by_size.setdefault(wide_floats(array).size if array.dtype.kind == "c" else array.size, []).append(
                    (name, _mean_size(wide_floats(array)))
                )
        return self._by_size


def _mean_size(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.mean(np.abs(finite))) if finite.size else 0.0
