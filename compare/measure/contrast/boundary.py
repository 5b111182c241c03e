"""The values between which a group of operations runs on both sides, by name."""

from dataclasses import dataclass

from compare.measure.contrast.alignment import Group
from compare.measure.contrast.reference_record import ReferenceRecord


@dataclass(frozen=True)
class Boundary:
    """Of one group: the values that enter it, and the one that both sides make of them. Each is a parameter's or an
    input's name, or what made it and in which layer, with its shape."""

    takes: tuple[str, ...]
    gives: str


class Boundaries:
    """Those of the groups of one run."""

    def __init__(self, record: ReferenceRecord) -> None:
        self._record = record
        self._makers = {result: one for one in record.operations for result in one.results}

    def of(self, group: Group) -> Boundary:
        return Boundary(tuple(map(self._named, group.edge)), self._named(group.value))

    def _named(self, number: int) -> str:
        shape = f"[{','.join(map(str, self._record.flow.values[number].shape))}]"
        if number in self._record.entered:
            return f"{self._record.entered[number]}{shape}"
        made = self._makers.get(number)
        if made is None:
            return shape
        half = "gradient's " if made.late else ""
        return f"{half}{made.name}{shape}" + (f" of {made.path}" if made.path else "")
