"""What both models round below the working precision, looked at before either runs in float64."""

from collections.abc import Mapping, Sequence

from compare.arrays.arrays import PARAMS
from compare.errors import swallowed
from compare.frameworks.islands.aligned import Unlike, compared
from compare.frameworks.islands.roundings import INPUT, Book, Rounding, Value
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Lowering
from compare.sides.quartet import Quartet
from compare.weights.entry import Entry

SHOWN = 3  # places in a sentence


def lowering_of(quartet: Quartet, entering: Entering, mode: Mode) -> Lowering | None:
    """What the models round below the working precision on what enters; None where neither rounds anything."""
    try:
        reference, port = books_of(quartet, entering, mode)
    except Exception as error:  # a model that raises; judging it says so
        swallowed(error)
        return None
    if not (reference.roundings or port.roundings):
        return None
    return in_words(compared(reference, port), quartet.on_record)


def books_of(quartet: Quartet, entering: Entering, mode: Mode) -> tuple[Book, Book]:
    """What each side rounds, by one run of the reference at the working precision, or its record, and one trace of the
    port.

    Raises:
        Exception: whatever a model raises.
    """
    from compare.frameworks.islands.low_port import note_port

    shared, port = shared_names(quartet.prepared.weight_map.entries), Book(quartet.precision.name)
    reference, dropped = quartet.observed(entering, mode, shared)
    program, names, asked = quartet.port.forward_program(entering, mode, dropped)
    note_port(port, program, [_given(name, shared) for name in names], asked=asked)
    return reference, port


def shared_names(entries: Sequence[Entry]) -> dict[str, str]:
    """One name for all arrays of either side that lines of the map connect, by the reference's name or the port's
    path: a packed projection and its three parts are one."""
    names: dict[str, str] = {}
    for entry in entries:
        joined = {names.get(name, name) for name in (entry.reference, entry.port)}
        kept = min(joined, key=lambda name: (name == entry.port, name))
        names |= {name: kept for name, own in names.items() if own in joined}
        names |= {entry.reference: kept, entry.port: kept}
    return names


def in_words(unlike: Unlike, on_record: bool = False) -> Lowering:
    """``on_record``: the reference's oracles have run, and have raised all that it rounds."""
    both = alone = ""
    if unlike.both:
        low, reference, port, more = unlike.both
        beside = f" and {more} more" if more else ""
        both = f"{low} inside, on both sides: {reference} and {port}{beside}"
    own = [(side, one) for side, one in (("reference", unlike.reference), ("port", unlike.port)) if one]
    if len(own) == 1:
        ((side, roundings),) = own
        alone = f"{roundings[0].step.format} in the {side} alone: {_places(roundings)}"
    elif own:
        (_, here), (_, there) = own
        alone = f"{here[0].step.format} in the reference: {_places(here)}; elsewhere in the port: {_places(there)}"
    erased = on_record and bool(unlike.reference)
    return Lowering(both, alone, unlike.kept_reference, unlike.kept_port, erased)


def _places(roundings: Sequence[Rounding]) -> str:
    texts = list(dict.fromkeys(rounding.text for rounding in roundings))
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return f"{', '.join(texts[:SHOWN])}{more}"


def _given(name: str, shared: Mapping[str, str]) -> Value:
    if name.startswith(INPUT):
        return Value(frozenset({name}))
    layer = name.removeprefix(f"{PARAMS}/").rpartition("/")[0]
    return Value(frozenset({shared[name]} if name in shared else ()), weight=name in shared, layer=layer)
