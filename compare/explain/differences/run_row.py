"""What comes of running a row: the table's entry, as JSON holds it."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from compare.explain.differences.difference_row import Counterpart, Row
from compare.explain.differences.outcome import Distance, Outcome, distance, furthest
from compare.explain.differences.port_code import run_port, sample_port
from compare.explain.differences.public_names_read import (
    defaults,
    numbers_in,
    port_names,
    reference_name,
    resolved,
    same_elsewhere,
)
from compare.explain.differences.reference_code import ReferenceCode
from compare.explain.differences.row_inputs import PROBES, Given, given
from compare.explain.differences.slopes_at import Kink, kinks_of
from compare.explain.differences.thresholds import DRAWS_ALIKE, EQUAL, EQUAL_ON_PROBES

WITNESSES = 4  # so many entries of what one side returns where the other raises


@dataclass(frozen=True)
class Probed:
    """A probe on which the two differ: what of them, how far, and the entries furthest apart."""

    probe: str
    what: str
    apart: float = np.inf
    reference: float | None = None
    port: float | None = None


@dataclass(frozen=True)
class Tried:
    """One expression of the port beside torch's: how far apart, and on which probes."""

    code: str
    apart: Distance
    probes: tuple[Probed, ...] = ()
    returned: str = ""

    @property
    def equal(self) -> bool:
        """Up to rounding, on the row's own inputs."""
        return self.apart.worst <= EQUAL


@dataclass(frozen=True)
class Facing:
    """One counterpart: its names with their defaults, the code as written and the adapted, and the kinks.

    ``names`` is empty, and ``plain`` None, where nothing has torch's place; ``adapted`` is None where nothing is known
    to be equal or nothing is needed.
    """

    names: dict[str, dict[str, Any]]
    also: tuple[str, ...]
    plain: Tried | None
    adapted: Tried | None
    settings: str
    why_apart: str
    kinks: tuple[Kink, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A row's entry; ``fault``: in what it does not hold what it says on these versions."""

    names: dict[str, dict[str, Any]]
    group: str
    codes: tuple[str, ...]
    ports: tuple[Facing, ...]
    note: str
    sampled: bool
    inputs: dict[str, str] = field(default_factory=dict)
    fault: str = ""


def difference(row: Row, group: str) -> Difference | None:
    """Run ``row``; None where this version of torch has none of its names."""
    codes = tuple(code for code in row.reference if resolved(reference_name(code)) is not None)
    if not codes:
        return None
    names = {reference_name(code): defaults(reference_name(code)) for code in codes}
    inputs = given(row.inputs, row.constant)
    references = [ReferenceCode(code, inputs.arrays) for code in codes] if row.ports else []
    if row.sampled:
        ports = tuple(_sampled(references[0], port) for port in row.ports)
        fault = ""
    else:
        ports = tuple(_judged(references[0], codes, port, inputs) for port in row.ports)
        fault = _not_one_function(references, codes, inputs)
    fault = fault or next(filter(None, (not_equal(codes[0], port) for port in ports)), "")
    return Difference(names, group, codes, ports, row.note, row.sampled, dict(row.inputs), fault)


def not_equal(code: str, facing: Facing) -> str:
    """That a counterpart is not what it is said to be, in words; empty where it is, or where a reason is given."""
    last = facing.adapted or facing.plain
    if last is None or last.equal or facing.why_apart:
        return ""
    return f"{code}: {last.code} is {last.apart.said or f'{last.apart.worst:.0e} apart'}, and no reason is given"


def _not_one_function(references: list[ReferenceCode], codes: tuple[str, ...], inputs: Given) -> str:
    ours = [one.run(inputs) for one in references]
    for code, outcome in zip(codes[1:], ours[1:], strict=False):  # of a row without a counterpart nothing is run
        alike = outcome.raised == ours[0].raised if outcome.raised else distance(ours[0], outcome).value <= EQUAL
        if not alike:
            return f"{code} is not what {codes[0]} is"
    return ""


def _judged(reference: ReferenceCode, codes: tuple[str, ...], port: Counterpart, inputs: Given) -> Facing:
    written, adapted = (
        partial(_port, code, reference) if code else None
        for code in (port.plain, port.adapted if port.adapted != port.plain else "")
    )
    numbers = [x for name in _all_names(codes, port) for x in defaults(name).values() if type(x) in (int, float)]
    numbers += [x for code in (*codes, port.plain, port.adapted) for x in numbers_in(code)]
    return Facing(
        {name: defaults(name) for name in _of_port(port)},
        tuple(other for name in _of_port(port)[:1] for other in same_elsewhere(name)),
        _form(port.plain, reference, inputs) if port.plain else None,
        _form(port.adapted, reference, inputs) if adapted else None,
        port.equal,
        port.apart,
        tuple(kinks_of(reference.run, written, adapted, inputs, numbers)),
    )


def _port(code: str, reference: ReferenceCode, inputs: Given) -> Outcome:
    return run_port(code, inputs, reference.state, reference.trained)


def _all_names(codes: tuple[str, ...], port: Counterpart) -> list[str]:
    return [*(reference_name(code) for code in codes), *_of_port(port)]


def _of_port(port: Counterpart) -> list[str]:
    return port_names(port.plain) if port.plain else []


def _form(code: str, reference: ReferenceCode, inputs: Given) -> Tried:
    ours, theirs = reference.run(inputs), _port(code, reference, inputs)
    apart = distance(ours, theirs)
    found = [
        one
        for probe in (PROBES if inputs.moving and not apart.said else ())
        if (one := _probe(probe, reference.run(inputs.probed(probe)), _port(code, reference, inputs.probed(probe))))
    ]
    returned = _witness(theirs if ours.raised else ours) if bool(ours.raised) != bool(theirs.raised) else ""
    return Tried(code, apart, tuple(found), returned)


def _probe(probe: str, ours: Outcome, theirs: Outcome) -> Probed | None:
    if ours.raised:
        return None
    apart = distance(ours, theirs)
    if apart.said:
        return Probed(probe, apart.said)
    name, gap, reference, port = furthest(ours, theirs, gradients=probe != "large")
    return Probed(probe, name, gap, reference, port) if gap > EQUAL_ON_PROBES else None


def _witness(outcome: Outcome) -> str:
    entries = outcome.outputs[0].reshape(-1)[:WITNESSES] if outcome.outputs else np.zeros(0)
    return ", ".join(f"{float(x):.4g}" for x in entries)


def _sampled(reference: ReferenceCode, port: Counterpart) -> Facing:
    ours = reference.sample()
    plain, adapted = (
        _drawn_alike(code, ours) if code else None
        for code in (port.plain, port.adapted if port.adapted != port.plain else "")
    )
    names = {name: defaults(name) for name in _of_port(port)}
    also = tuple(other for name in _of_port(port)[:1] for other in same_elsewhere(name))
    return Facing(names, also, plain, adapted, port.equal, port.apart)


def _drawn_alike(code: str, ours: np.ndarray) -> Tried:
    """The largest distance of the two distribution functions; 0 below what chance explains."""
    theirs = sample_port(code)
    both = np.sort(np.concatenate([ours, theirs]))
    gap = np.abs(_shares(ours, both) - _shares(theirs, both)).max()
    chance = DRAWS_ALIKE * np.sqrt((ours.size + theirs.size) / (ours.size * theirs.size))
    told = (
        f"standard deviations {ours.std():.4g} and {theirs.std():.4g}, largest {ours.max():.4g} and {theirs.max():.4g}"
    )
    return Tried(code, Distance(0.0 if gap <= chance else float(gap)), (), told)


def _shares(sample: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(sample), points, side="right") / sample.size
