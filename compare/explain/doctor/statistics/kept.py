"""What a batch norm may keep, as a change of the reference: another weight of the new batch, another variance."""

from collections.abc import Sequence
from typing import Any

import torch

from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import bound, rebound
from compare.explain.doctor.statistics.batches import KINDS, OTHER_AXIS, UNBIASED, moments, other_axis


def keeping(calls: Sequence[Call], path: str, weight: float | None = None, kind: str | None = None) -> Change:
    """The batch norm at ``path`` with another weight of the new batch, or another kind of variance, in every call."""
    own = [call.number for call in calls if call.module == path and call.name == "batch_norm"]
    changed = Change()
    if kind is not None:
        changed |= Change(calls=dict.fromkeys(own, _of_kind(kind)))
    if weight is not None:
        changed |= Change(calls=dict.fromkeys(own, _of_weight(weight)))
    return changed


def _of_weight(weight: float) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        positional, keywords = rebound(func, args, kwargs, {"momentum": weight})
        return func(*positional, **keywords)

    return replacement


def _of_kind(kind: str) -> Replacement:
    """The call, and the running variance put to what it would be had every batch's been of that kind."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        given = bound(func, args, kwargs)
        kept = given.get("running_var")
        if kept is None:
            return func(*args, **kwargs)
        before = kept.clone()
        result = func(*args, **kwargs)
        if given.get("training"):
            x = given["input"].detach().double()
            own = moments(x, 1)
            other = moments(x, across) if kind == OTHER_AXIS and (across := other_axis(x)) is not None else own
            batch, new = (torch.as_tensor(KINDS[which](*of)).to(kept) for which, of in ((UNBIASED, own), (kind, other)))
            # How much of the new batch there is in it: whoever replaced the call before may have altered that.
            moved, whole = kept - before, batch - before
            weight = float((moved * whole).sum() / (whole * whole).sum()) if bool(whole.any()) else 0.0
            kept.data.copy_(before + weight * (new - before))  # as the call itself does it: the way back knows nothing
        return result

    return replacement
