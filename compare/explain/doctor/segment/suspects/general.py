"""What any call may suffer: that the port leaves it out, or does something once more after it."""

from collections.abc import Iterator

from compare.explain.calls.call import Call, Described
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.arguments import SHAPES
from compare.explain.doctor.segment.formulas import NORMS
from compare.explain.doctor.segment.ideas import Idea, View, afterwards, left_out
from compare.explain.doctor.segment.observed import EXTRA
from compare.explain.doctor.thresholds import BEHIND, POSSIBLE, USUAL

# Calls that move or copy, or that other families leave out themselves.
_QUIET = SHAPES | {"add", "sub", "mul", "div", "rsub", "rdiv", "clone", "contiguous", "double", "float",
                   "type_as", "expand_as", "detach", "zeros_like", "ones_like", "tril", "triu", "dropout", "T", "mT",
                   "t"}  # fmt: skip
_LIKELY = {"relu", "gelu", "silu", "tanh", "elu", "sigmoid", "softmax", "log_softmax", "leaky_relu", "normalize",
           "clamp", "flip", "roll", "masked_fill", *NORMS}  # fmt: skip
_SETTINGS = {"masked_fill": "mask", "flip": "flip", "roll": "roll"}


def without(view: View) -> Iterator[Idea]:
    """A call whose result has the shape of what it was given: none in its place."""
    call, first, result = view.call, view.first, view.call.result
    if call.name in _QUIET or first is None or not isinstance(result, Described):
        return
    if (first.shape, first.dtype) == (result.shape, result.dtype):
        name = call.name.replace("_", " ")
        likely = call.name in _LIKELY
        setting = _SETTINGS.get(call.name, "activation" if likely and "norm" not in name else "call")
        text = f"the port leaves out the {name}"
        yield Idea(setting, name, "none", left_out, USUAL if likely else POSSIBLE, text, f"no {name}")


def once_more(scene: Scene, extra: str) -> tuple[Call, Idea] | None:
    """What the arrays show: the port's result is a function of the reference's, applied after the last call."""
    shape = next(iter(scene.plain.values())).shape if scene.plain else ()
    # The last call may be one that is cleared: the port does it right, and then something more.
    for call in sorted((*scene.calls, *scene.cleared), key=lambda call: call.number, reverse=True):
        if isinstance(call.result, Described) and call.result.shape == shape and extra in EXTRA:
            word, text = extra.removeprefix("the "), f"the port applies {extra} once more, to the result"
            return call, Idea("activation", "none", word, afterwards(EXTRA[extra]), POSSIBLE + BEHIND, text, word)
    return None
