"""A line of a weight map: two names, two views that show the same numbers; and two lines into one leaf, summed."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.arrays.views import AS_IS, View, transposed
from compare.errors import UsageError, shown

KINDS = {
    "reference": str, "port": str, "reference_view": View, "port_view": View, "reason": str,
    "summed": bool, "tied": bool,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line of the map: both views show the same numbers.

    Attributes:
        reference: a ``state_dict`` name.
        port: the path of a leaf, ``params/Dense_0/kernel``.
        reference_view: shows the reference's array in the layout that both share.
        port_view: shows the port's leaf in that layout.
        reason: why these two, and why this layout, in a few words.
        summed: the port holds one array where the reference adds two (a recurrent layer's biases): this line is the
            second of them. Its value is added to the leaf, its gradient is the leaf's, and on the way back its value
            is zero, the first line's the sum.
        flattened: where an axis holds what the two sides flatten in different orders, both orders in words, the
            reference's first: ``("(C, H, W)", "(H, W, C)")``.
        offset: what the port's array has more than the reference's, since the port's own code takes it off again: -1
            where it adds 1 to a forget gate, or to a norm's scale. A gradient has none.
        tied: the port holds in several arrays what the reference holds in one: this line is a further one of them. It
            gets the same values, its gradient is added to the first line's, and on the way back the first's counts.

    Raises:
        UsageError: a name that is no string, a view that is no ``View``.
    """

    reference: str
    port: str
    reference_view: View = AS_IS
    port_view: View = AS_IS
    reason: str = ""
    summed: bool = False
    flattened: tuple[str, str] | None = None
    offset: float = 0.0
    tied: bool = False

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            if not isinstance(given := getattr(self, name), kind):
                raise UsageError(f"entry: {name}: expected a {kind.__name__}, got {type(given).__name__}")
        words = self.flattened
        if words is not None and not (isinstance(words, tuple) and [type(one) for one in words] == [str, str]):
            raise UsageError(f"entry: flattened: expected two orders in words, got {shown(words)}")
        if isinstance(self.offset, bool) or not isinstance(self.offset, int | float) or not isfinite(self.offset):
            raise UsageError(f"entry: offset: expected a number, got {shown(self.offset)}")

    @property
    def layout(self) -> str:
        """Both views in words; ``same`` where nothing changes."""
        parts = [str(self.reference_view), f"port: {self.port_view}" if self.port_view.steps else ""]
        return "; ".join(part for part in parts if part) or "same"

    def explain(self) -> str:
        """Both names, the change of layout, and why, in one line."""
        added = ", added" if self.summed else ", once more" if self.tied else ""
        added += f", {self.offset:+g}" if self.offset else ""
        return f"{self.reference} -> {self.port} ({self.layout}{added}: {self.reason})"


@dataclass(frozen=True)
class Sum:
    """Two views of the reference's parameters of which only the sum is a parameter of the port.

    In training steps the first holds the sum and the second is zero and has no gradient: the same function, and the
    one in which every optimizer does to the first what it does to the port's.
    """

    first: str
    first_view: View
    second: str
    second_view: View

    def collect(self, arrays: Arrays) -> None:
        """Move the second into the first, in place."""
        self.first_view.of(arrays[self.first])[...] += self.second_view.of(arrays[self.second])
        self.second_view.of(arrays[self.second])[...] = 0

    def kept(self, shape: tuple[int, ...]) -> np.ndarray:
        """1 where the second's gradient is kept, 0 where it is frozen."""
        mask = np.ones(shape, np.float32)
        self.second_view.of(mask)[...] = 0
        return mask


def linear(reference: str, port: str) -> list[Entry]:
    """``torch.nn.Linear`` and ``flax.linen.Dense``: weight (out, in) is kernel (in, out), bias is bias."""
    why = "Linear stores (out, in), Dense (in, out)"
    return [
        Entry(f"{reference}.weight", f"{PARAMS}/{port}/kernel", transposed(1, 0), reason=why),
        Entry(f"{reference}.bias", f"{PARAMS}/{port}/bias", reason="a bias has one axis"),
    ]


def same(*names: str) -> list[Entry]:
    """Loose arrays that both sides hold under one name and in one layout."""
    return [Entry(name, f"{PARAMS}/{name}", reason="both sides name and store it alike") for name in names]
