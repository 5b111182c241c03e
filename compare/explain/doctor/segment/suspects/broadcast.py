"""A column of N rows that meets N numbers: every row with every other, without a word of either framework."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function
from compare.explain.doctor.segment.ideas import Family, Idea, View
from compare.explain.doctor.thresholds import USUAL

_NAMES = ("add", "sub", "mul", "div", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
          "binary_cross_entropy", "binary_cross_entropy_with_logits")  # fmt: skip


def ideas(view: View) -> Iterator[Idea]:
    """Of two operands (N, 1), or (N,), one in the other's shape; what comes of it is (N, N)."""
    tensors = [given for given in view.call.args[:2] if isinstance(given, Described)]
    if len(tensors) < 2 or tensors[0].shape != tensors[1].shape or not tensors[0].shape or tensors[0].shape[0] < 2:
        return
    shape = tensors[0].shape
    column = len(shape) == 2 and shape[1] == 1
    if not column and len(shape) != 1:
        return
    other = shape[:1] if column else (*shape, 1)
    for place, word in ((0, "the first operand"), (1, "the second operand")):
        text = (
            f"{word} of {view.call.name} is {other} in the port, {shape} in the reference: every row meets every other"
        )
        yield Idea("broadcast", str(shape), str(other), partial(_turned, place, column), USUAL, text,
                   f"{word} of {view.call.name} {other}")  # fmt: skip


def _turned(place: int, column: bool, func: Function, args: tuple, kwargs: dict) -> Any:
    own: torch.Tensor = args[place]
    turned = own[:, 0] if column else own[:, None]
    return func(*args[:place], turned, *args[place + 1 :], **kwargs)


FAMILIES: dict[str, Family] = dict.fromkeys(_NAMES, ideas)
