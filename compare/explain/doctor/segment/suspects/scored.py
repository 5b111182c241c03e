"""What enters a loss, whatever the loss computes: rows left out, targets moved, outputs and targets through something.

The loss is the section that begins with the model's outputs and the targets; what is done to those needs no word of it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map_only

from compare.arrays.arrays import FLOATING
from compare.explain.calls.change import Change, Scored
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.observed import EXTRA
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
_ENDS = {"first": slice(1, None), "last": slice(None, -1)}  # what is left without it
_AXES = {0: "row", 1: "entry along axis 1"}


def suspects(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of the loss: entries of both left out, one against the other's neighbour, targets moved or turned round, both
    exchanged, outputs through a function."""
    if not scene.outputs or not scene.targets:
        return
    for axis, length in enumerate(_lengths(scene)):
        yield from _left_out(axis)
        yield from _moved(axis)
        if axis:
            yield from _apart(axis, length)
    shapes = [[one.shape for one in arrays.values()] for arrays in (scene.outputs, scene.targets)]
    if shapes[0] == shapes[1] and len(shapes[0]) == 1:
        text = "the port's loss takes the targets for the outputs and the outputs for the targets"
        yield _suspect("operands", "(outputs, targets)", "(targets, outputs)", _exchanged, POSSIBLE, text)
    if any(one.dtype.kind in FLOATING for one in scene.outputs.values()):
        for word, function in EXTRA.items():
            text = f"the port's loss takes {word} of the outputs, the reference's the outputs"
            change = partial(_outputs, function)
            yield _suspect("outputs", "as they are", word.removeprefix("the "), change, RARE, text)


def _lengths(scene: Scene) -> tuple[int, ...]:
    """Of the leading axes that all outputs and targets share, at most two."""
    shapes = [one.shape[:2] for one in (*scene.outputs.values(), *scene.targets.values()) if one.shape]
    shared = []
    for sizes in zip(*shapes, strict=False):
        if len(set(sizes)) > 1 or sizes[0] < 2:
            break
        shared.append(sizes[0])
    return tuple(shared)


def _left_out(axis: int) -> Iterator[Suspect[Change]]:
    for which, kept in _ENDS.items():
        text = f"the port's loss leaves out the {which} {_AXES[axis]} of outputs and targets"
        yield _suspect(
            "rows of the loss", "all", f"without the {which}", partial(_taken, axis, kept, kept), USUAL, text
        )


def _apart(axis: int, length: int) -> Iterator[Suspect[Change]]:
    """One entry against the next one's target, as a language model is scored; and the other way round."""
    first, last = _ENDS["first"], _ENDS["last"]
    for own, other, word in ((first, last, "before"), (last, first, "after")):
        text = f"the port's loss holds each output against the target one {word} along axis {axis}"
        if length > 2:
            yield _suspect(
                "targets", "of the same entry", f"one {word}", partial(_taken, axis, own, other), USUAL, text
            )


def _moved(axis: int) -> Iterator[Suspect[Change]]:
    for shift in (1, -1):
        text = f"the port's loss takes the targets shifted by {shift} along axis {axis} (the end comes in at the front)"
        change = partial(_targets, partial(torch.roll, shifts=shift, dims=axis))
        yield _suspect("targets", "as they are", f"shifted by {shift}", change, USUAL, text)
    text = f"the port's loss takes the targets from the end along axis {axis}"
    change = partial(_targets, lambda one: one.flip(axis))
    yield _suspect("targets", "as they are", "from the end", change, POSSIBLE, text)


def _suspect(setting: str, own: str, port: str, change: Scored, rank: float, text: str) -> Suspect[Change]:
    return Suspect(setting, own, port, Change(scored=(change,)), rank, text, f"{setting} {port}")


def _taken(axis: int, own: slice, other: slice, outputs: Any, targets: Tensors) -> tuple[Any, Tensors]:
    def part(kept: slice, tensor: Tensor) -> Tensor:
        return tensor[(slice(None),) * axis + (kept,)] if tensor.ndim > axis else tensor

    return tree_map_only(Tensor, partial(part, own), outputs), {n: part(other, one) for n, one in targets.items()}


def _targets(function: Callable[[Tensor], Tensor], outputs: Any, targets: Tensors) -> tuple[Any, Tensors]:
    return outputs, {name: function(one) for name, one in targets.items()}


def _outputs(function: Callable[[Tensor], Tensor], outputs: Any, targets: Tensors) -> tuple[Any, Tensors]:
    return tree_map_only(Tensor, lambda one: function(one) if one.is_floating_point() else one, outputs), targets


def _exchanged(outputs: Any, targets: Tensors) -> tuple[Any, Tensors]:
    ((name, own),) = targets.items()
    return own, {name: outputs}


def numbers(scene: Scene) -> Iterator[tuple[str, str, float, Callable[[float], Change]]]:
    """Of what enters the loss, with no guess at the value: (setting, of what, own value, change)."""
    for kind, arrays, through in (("outputs", scene.outputs, _outputs), ("targets", scene.targets, _targets)):
        if any(one.dtype.kind in FLOATING for one in arrays.values()):
            what = f"the {kind} that enter the loss"
            yield "scale", f"of {what}", 1.0, partial(_with, through, torch.mul)
            yield "constant", f"added to {what}", 0.0, partial(_with, through, torch.add)


def _with(through: Callable[..., Any], function: Callable[..., Tensor], number: float) -> Change:
    def changed(one: Tensor) -> Tensor:
        return function(one, number) if one.is_floating_point() else one

    return Change(scored=(partial(through, changed),))


def gradients(scene: Scene) -> Iterator[tuple[str, Callable[[Callable[[Tensor], Tensor]], Change]]]:
    """Where a gradient leaves the loss: in words, and the change that does something to what enters there."""
    for kind, arrays, through in (("outputs", scene.outputs, _outputs), ("targets", scene.targets, _targets)):
        if arrays and any(np.issubdtype(one.dtype, np.inexact) for one in arrays.values()):
            yield f"the {kind} that enter the loss", partial(_through, through)


def _through(through: Callable[..., Any], function: Callable[[Tensor], Tensor]) -> Change:
    return Change(scored=(partial(through, function),))
