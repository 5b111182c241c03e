"""The JSON of ``jaxport differences`` as types.

As in ``compare.report.contract``, these keys stay, and there may be more.
"""

from typing import TypedDict

from compare.report.contract import Form, Number, Version


class ProbedForm(TypedDict):
    """Inputs on which the two differ: everything 0 ("zeros"), equal ("ties") or a thousand times as large ("large");
    what differs, by how much, and the two entries that are furthest apart."""

    probe: str
    what: str
    apart: Number
    reference: Number | None
    port: Number | None


class KinkForm(TypedDict):
    """A point where the slope jumps: the slopes to its left and right, and what each side says there."""

    at: Number
    left: Number
    right: Number
    reference: Number
    port: Number | None
    adapted: Number | None


class TriedForm(TypedDict):
    """One expression of the port beside torch's, in float64. ``value`` and ``gradient`` are the largest differences, of
    entries above 1 relative to them; ``said`` is why there are none; ``returned`` is what only one side returns, or
    from which step on an optimizer differs."""

    code: str
    equal: bool
    value: Number
    gradient: Number
    said: str
    returned: str
    probes: list[ProbedForm]


class FacingForm(TypedDict):
    """One counterpart: its names with their defaults, other names of the same object, the code by the same names, the
    settings or code that make it equal, and why it is not where nothing does."""

    names: dict[str, Form]
    also: list[str]
    plain: TriedForm | None
    adapted: TriedForm | None
    settings: str
    why_apart: str
    kinks: list[KinkForm]


class EntryForm(TypedDict):
    """One row: torch's names with their defaults, torch's code, and what stands in its place. ``fault``: in what the
    row does not hold what it says on these versions."""

    group: str
    names: dict[str, Form]
    codes: list[str]
    inputs: dict[str, str]
    sampled: bool
    note: str
    fault: str
    ports: list[FacingForm]


class DifferencesForm(TypedDict):
    """What ``jaxport differences --json`` writes."""

    schema: Version
    versions: dict[str, str]
    entries: list[EntryForm]
