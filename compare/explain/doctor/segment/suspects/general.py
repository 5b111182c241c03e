"""What any call may suffer: that the port leaves it out, or does something once more after it."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Call, Described
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import POSSIBLE, USUAL, Idea, View, afterwards, first_tensor

# Calls that move or copy, or that other families leave out themselves.
_QUIET = {
    "add", "sub", "mul", "div", "rsub", "rdiv", "view", "reshape", "flatten", "clone", "contiguous", "to", "double",
    "float", "type_as", "expand", "expand_as", "permute", "transpose", "detach", "zeros_like", "ones_like", "flip",
    "roll", "masked_fill", "tril", "triu", "dropout", "pad", "unsqueeze", "squeeze", "T", "mT", "t",
}  # fmt: skip
_LIKELY = {
    "layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm", "relu", "gelu", "silu", "tanh", "elu",
    "sigmoid", "softmax", "log_softmax", "leaky_relu", "normalize", "clamp",
}  # fmt: skip
EXTRA: dict[str, Callable[[Any], Any]] = {
    "the ReLU": F.relu,
    "the absolute value": torch.abs,
    "the tanh": torch.tanh,
    "the sigmoid": torch.sigmoid,
    "the square": torch.square,
    "the square root": torch.sqrt,
    "the exponential": torch.exp,
    "the logarithm": torch.log,
    "the softmax (last axis)": lambda x: F.softmax(x, -1),
    "the log-softmax (last axis)": lambda x: F.log_softmax(x, -1),
    "the SiLU": F.silu,
    "the inverse": torch.reciprocal,
}


def left_out(view: View) -> Iterator[Idea]:
    """A call whose result has the shape of what it was given: none in its place."""
    call = view.call
    first, result = view.first, call.result
    if call.name in _QUIET or first is None or not isinstance(result, Described) or first.shape != result.shape:
        return
    if first.dtype != result.dtype:
        return
    name = call.name.replace("_", " ")
    setting = "activation" if call.name in _LIKELY and "norm" not in name else "call"
    yield Idea(setting, name, "none", f"the port leaves out the {name}", f"no {name}",
               lambda func, args, kwargs: first_tensor(args, kwargs), USUAL if call.name in _LIKELY else
               POSSIBLE)  # fmt: skip


def once_more(scene: Scene, extra: str) -> tuple[Call, Idea] | None:
    """What the arrays show: the port's result is a function of the reference's, applied after the last call."""
    shape = next(iter(scene.plain.values())).shape if scene.plain else ()
    # The last call may be one that is cleared: the port does it right, and then something more.
    for call in sorted((*scene.calls, *scene.cleared), key=lambda one: one.number, reverse=True):
        if isinstance(call.result, Described) and call.result.shape == shape and extra in EXTRA:
            word = extra.removeprefix("the ")
            idea = Idea("activation", "none", word, f"the port applies {extra} once more, to the result", word,
                        afterwards(EXTRA[extra]), USUAL + 0.5)  # fmt: skip
            return call, idea
    return None
