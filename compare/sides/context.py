"""What judging one run of a pair starts from: learnt once, on the pair's own batch, and never written again.

A probe, a mutant and a training step are judged in the context of their mode, and may come in any order.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compare.arrays.arrays import wide
from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.frameworks.islands.lowered import Kept
from compare.pair.pair import Entering


@dataclass(frozen=True, eq=False)
class Witness:
    """A constant held in float32 that is responsible for a gap of float32's size, and its exact values.

    Two of the same content are the same one: what is compiled for one serves the other.

    Attributes:
        text: what is held where, in words.
        reference: by dotted name, the values for buffers and attributes of the reference.
        port: what constants of the port hold, each with its exact values.
    """

    text: str
    reference: Mapping[str, np.ndarray] = field(default_factory=dict)
    port: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    @cached_property
    def digest(self) -> bytes:
        """Equal for equal values at the same places, in 16 bytes."""
        placed = [*self.reference.items(), *(("port", array) for constant in self.port for array in constant)]
        hashed = hashlib.blake2b(digest_size=16)
        for name, array in placed:
            hashed.update(f"{name} {array.dtype} {array.shape}".encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Witness) and (self.text, self.digest) == (other.text, other.digest)

    def __hash__(self) -> int:
        return hash((self.text, self.digest))


@dataclass(frozen=True)
class Lowering:
    """What the models round below the working precision.

    Attributes:
        both: what both sides round at the same places, in words: oracles raise it.
        alone: what one side alone rounds, in words: it stays as it is in that side's oracle.
        reference, port: that of each side.
        erased: whether the reference's oracles, being on record, have raised what it rounds alone.
    """

    both: str = ""
    alone: str = ""
    reference: Kept = field(default_factory=Kept)
    port: Kept = field(default_factory=Kept)
    erased: bool = False


@dataclass(frozen=True)
class Oracles:
    """How both sides are run in float64.

    Attributes:
        device: where.
        promoted: with everything that the models' own code lowers to float32 raised to float64.
        witness: with its values in place of what the models hold in float32.
        lowering: what the models round below the working precision, and what of it the oracles keep.
        rounded: with every result rounded to the few bits less of ``ROUNDED``, which shows what rounding does there.
    """

    device: Device
    promoted: bool = False
    witness: Witness | None = None
    lowering: Lowering | None = None
    rounded: bool = False


@dataclass(frozen=True)
class Noise:
    """Random numbers that the models draw by hand, each side its own.

    Attributes:
        drawn: every line of either side that draws, as sentences.
        reaches: the quantities that depend on them, by name: they are not compared.
    """

    drawn: tuple[str, ...] = ()
    reaches: frozenset[str] = frozenset()


QUIET = Noise()


@dataclass(frozen=True)
class Context:
    """What is known of a pair in one mode.

    Attributes:
        oracles: those that the pair's own batch is judged by; None: as the pair was brought together.
        no_oracle: why a model cannot run in float64, if one cannot.
        ordinary: the size of each quantity on the pair's own batch, by name.
        input_size: the 2-norm of that batch's floating inputs.
        witness: what explains a gap of float32's size there.
        noise: what the models draw by hand, of a pair whose port may.
    """

    oracles: Oracles | None = None
    no_oracle: str = ""
    ordinary: Mapping[str, float] = field(default_factory=dict)
    input_size: float = 0.0
    witness: Witness | None = None
    noise: Noise = QUIET

    def sizes(self, entering: Entering) -> dict[str, float]:
        """What each quantity's size counts as at least, on what enters now.

        A weight's gradient multiplies what rounding leaves of a saturated one by the inputs.
        """
        size = input_size(entering.batches[0])
        amplified = max(1.0, size / self.input_size) if self.input_size and np.isfinite(size) else 1.0
        return {
            name: own * amplified if name.startswith("grad/") and not name.startswith("grad/input.") else own
            for name, own in self.ordinary.items()
        }


NOTHING_KNOWN = Context()


def input_size(batch: Batch) -> float:
    """The 2-norm of the floating inputs together."""
    wides = (wide(batch.inputs[name]) for name in batch.floating)
    return float(np.sqrt(sum(float(np.vdot(array, array).real) for array in wides)))
