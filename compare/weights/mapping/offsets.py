"""What a port's own code adds to an array before it is used, so that the array has so much less: ``1 + scale``.

A norm of the Gemma kind keeps its scale as the distance from 1; Haiku's recurrent layer adds 1 to its forget gate. A
port that adds 1 to scales as the reference holds them is another function: its own values tell which of the two it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.weights.entry import Entry
from compare.weights.mapping.units import Unit

TO_FORGET = "the port adds {:g} to f"  # the reason of a line whose gate it is
NEAR = 2.0**-7  # how near values are that were rounded, at most to bfloat16, after 1 was taken off


def offset_of(reference: Unit, port: Unit) -> float:
    """What the port's array may have more than the reference's, as ``Entry.offset`` says it: 0 but where both are
    factors, and the port alone adds a whole number to its entries before anything else is done to them."""
    alike = reference.kind == port.kind == "scale" and reference.added == 0
    more = port.added if alike and port.added is not None else 0.0
    return -more if more > 0 and more.is_integer() else 0.0


def offset_lines(
    entries: Iterable[Entry], offsets: Mapping[str, float], reference: Arrays, port: Arrays
) -> tuple[Entry, ...]:
    """The lines, with an offset where the port's values are the reference's and so much more.

    Args:
        offsets: by path of the port, what it may have more.
        reference, port: values of both sides by name and path, as far as they are there.
    """
    return tuple(
        replace(entry, offset=offsets[entry.port])
        if not entry.offset
        and entry.port in offsets
        and entry.reference in reference
        and entry.port in port
        and holds(entry, offsets[entry.port], reference[entry.reference], port[entry.port])
        else entry
        for entry in entries
    )


def holds(entry: Entry, offset: float, reference: np.ndarray, port: np.ndarray) -> bool:
    """Whether the port's values of a line are the reference's and so much more, to the rounding of a checkpoint."""
    other, own = (
        view.of(array.astype(np.float64))
        for view, array in ((entry.reference_view, reference), (entry.port_view, port))
    )
    return other.shape == own.shape and bool(np.all(np.abs(own - offset - other) <= NEAR * (1 + np.abs(other))))


def said_of_offsets(entries: Iterable[Entry]) -> list[str]:
    """A notice where the port adds to what its arrays then have less: whoever loads weights has to take it off."""
    held = [entry for entry in entries if entry.offset]
    gates = [entry for entry in held if TO_FORGET.format(-entry.offset) in entry.reason]
    scales = [entry for entry in held if entry not in gates]
    said = [_said(entry, "its forget gate", " there") for entry in gates[:1]]
    for offset in dict.fromkeys(entry.offset for entry in scales):
        first, *others = [entry for entry in scales if entry.offset == offset]
        more = f" (and so {len(others)} more)" if others else ""
        said.append(_said(first, f"the scale {first.port}", more))
    return said


def _said(entry: Entry, what: str, more: str) -> str:
    less = f"{-entry.offset:g}"
    return (
        f"the port adds {less} to {what}: {entry.port} holds {entry.reference} less {less}{more}, and your loader must "
        "take it off"
    )
