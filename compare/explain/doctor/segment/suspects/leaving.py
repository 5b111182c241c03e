"""What leaves a section, whatever its calls are: moved, through one function more, or times something that counts.

Code that the port has and the reference has not is no call of the reference's: it shows in what leaves alone.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import sqrt

import torch
from torch.utils._pytree import tree_map_only

from compare.explain.calls.call import Call, Described
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import afterwards
from compare.explain.doctor.segment.observed import Observed
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import BEHIND, POSSIBLE, RARE, UNSEEN

Tensor = torch.Tensor
Function = Callable[[Tensor], Tensor]
# Of the length n of an axis: what a mean, a sum and a root may be off by.
FORMS: dict[str, Callable[[int], float]] = {
    "n": float, "1 / n": lambda n: 1 / n, "sqrt(n)": sqrt, "1 / sqrt(n)": lambda n: 1 / sqrt(n),
    "n / (n - 1)": lambda n: n / (n - 1), "(n - 1) / n": lambda n: (n - 1) / n,
}  # fmt: skip


def suspects(scene: Scene, seen: Observed) -> Iterator[Suspect[Change]]:
    """What the arrays show: the port's is the reference's moved, or times a number that the length of an axis tells."""
    if scene.cuts and seen.moved is not None:
        words, function = seen.moved
        text = f"what the port makes is the reference's {words}"
        yield Suspect("order", "as it is", words, leaving(scene, function), RARE, text, words)
    if seen.ratio is not None:
        yield from _counted(scene, seen.ratio)


def leaving(scene: Scene, function: Function) -> Change:
    """``function`` of all that leaves the section."""
    return Change(passing=dict.fromkeys(scene.cuts, function))


def numbers(scene: Scene) -> Iterator[tuple[str, str, float, Callable[[float], Change]]]:
    """A scale of what leaves, a constant added to it, a share of the rows beside it: (setting, of what, own value,
    change)."""
    if scene.cuts:
        yield "scale", "of what leaves", 1.0, lambda number: leaving(scene, partial(torch.mul, other=number))
        yield "constant", "added to what leaves", 0.0, lambda number: leaving(scene, partial(torch.add, other=number))
        for shift, word in ((1, "before"), (-1, "behind")):
            of = f"(the row {word} each) in what leaves"
            yield "share of other rows", of, 0.0, partial(_with_rows, scene, shift)


def _with_rows(scene: Scene, shift: int, share: float) -> Change:
    return leaving(scene, partial(_mixed, shift, share))


def _mixed(shift: int, share: float, own: Tensor) -> Tensor:
    return own + share * own.roll(shift, 0) if own.ndim else own


def _counted(scene: Scene, ratio: float) -> Iterator[Suspect[Change]]:
    last = _last(scene)
    shapes = {array.shape for array in (scene.outputs or scene.plain).values()}
    for shape in shapes if len(shapes) == 1 and (scene.cuts or last) else ():
        for axis, length in enumerate(shape):
            for words, form in FORMS.items() if length > 1 else ():
                if abs(form(length) / ratio - 1) < UNSEEN:
                    what = "the loss" if scene.outputs else "what the port makes"
                    of = "the outputs" if scene.outputs else "it"
                    text = f"{what} is {words} times the reference's, n the length of axis {axis} of {of} ({length})"
                    change = _times(scene, last, axis, form)
                    yield Suspect("scale", "1", words, change, POSSIBLE + BEHIND, text, f"times {words}, axis {axis}")


def _times(scene: Scene, last: Call | None, axis: int, form: Callable[[int], float]) -> Change:
    if scene.cuts:
        return leaving(scene, lambda own: own * form(own.shape[axis]))
    lengths: list[int] = []

    def noted(outputs: object, targets: dict[str, Tensor]) -> tuple[object, dict[str, Tensor]]:
        tree_map_only(Tensor, lambda own: lengths.append(own.shape[axis]), outputs)
        return outputs, targets

    assert last is not None
    return Change(calls={last.number: afterwards(lambda made: made * form(lengths[-1]))}, scored=(noted,))


def _last(scene: Scene) -> Call | None:
    """The last call of a loss."""
    calls = sorted((*scene.calls, *scene.cleared), key=lambda call: call.number) if scene.outputs else []
    return calls[-1] if calls and isinstance(calls[-1].result, Described) else None
