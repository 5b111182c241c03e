"""What a port does on the way back of code that differs forward as well: it shows once the forward causes are there."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compare.errors import swallowed
from compare.explain.calls.change import Change
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.locate.introduced import Introduced, by_place
from compare.explain.locate.locate import Looked, behind
from compare.explain.proof import Proof
from compare.explain.scenes import scene_of


@dataclass
class WayBack:
    """The way back of one run, in the layers that differ forward."""

    looked: Looked
    proof: Proof

    @cached_property
    def behind(self) -> Looked:
        """What differs there."""
        return behind(self.looked)

    def beside(self, group: Sequence[Introduced], change: Change) -> tuple[Cause, ...]:
        """The causes that are certain together with ``change``, which makes a section the port's forward alone; none,
        where none is found."""
        return self._causes(group[0].owner, change, lambda more: self.proof.closes(group, change | more, change))

    def left(self, owner: str, change: Change) -> tuple[Cause, ...]:
        """The certain causes of what a layer's own code still does otherwise on the way back, with ``change`` in it, by
        which all that it makes is the port's; none, where nothing differs any more, or none is found."""
        group = self._group(owner)
        if group is None or self._closed(group, change):
            return ()
        return self._causes(owner, change, lambda more: self.proof.closes(group, change | more, change))

    def _group(self, owner: str) -> list[Introduced] | None:
        return next((group for group in by_place(self.behind.found) if group[0].owner == owner), None)

    def _closed(self, group: Sequence[Introduced], change: Change) -> bool:
        try:
            with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                warnings.simplefilter("ignore")  # what a library thinks of settings that the user did not choose
                return self.proof.first.closes(group[0], change).back
        except Exception as error:  # causes of several places that do not go together
            swallowed(error)
            return True

    def _causes(self, owner: str, change: Change, proven: Callable[[Change], bool]) -> tuple[Cause, ...]:
        group = self._group(owner)
        if group is None:
            return ()
        try:
            made = diagnose(scene_of(self.behind, group, under=change), proven=proven)
        except Exception as error:  # the changed reference does not run on the arrays of the plain one
            swallowed(error)
            return ()
        return tuple(replace(cause, reopens=None) for cause in made.causes if cause.certain)
