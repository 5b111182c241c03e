"""Two operands exchanged, and two operations one after the other in the other order."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, product
from typing import Any

import torch

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.arguments import SHAPES
from compare.explain.doctor.segment.ideas import Idea, View, altered, first_tensor
from compare.explain.doctor.segment.suspects.arithmetic import operand
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import MOST_FLOWS, POSSIBLE

# Of these it does not matter which is which, or other families exchange what there is to exchange.
_SYMMETRIC = {"add", "mul", "maximum", "minimum", "eq", "ne", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
              "logaddexp", "hypot", "cosine_similarity", "matmul", "bmm", "mm", "div", "kl_div",
              "scaled_dot_product_attention", "multi_head_attention_forward", "batch_norm", "layer_norm", "group_norm",
              "instance_norm", "lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "cat", "stack", "linear",
              "cross_entropy", "addcmul", "lerp", "complex", "polar", "where"}  # fmt: skip
_SELECTS = {"topk", "sort", "max", "min", "gather", "index_select", "getitem", "narrow", "take_along_dim"}
_OF_AN_AXIS = {"softmax", "log_softmax", "normalize", "layer_norm", "rms_norm", "cumsum"}
_MOVES = SHAPES | {"clone", "detach", "contiguous", "double", "float", "type_as", "zeros_like", "ones_like", "arange",
                   "getitem", "cat", "stack", "T", "mT", "t", "dropout"}  # fmt: skip


def exchanged(view: View) -> Iterator[Idea]:
    """Of any call of several tensors: every two of one shape, each in the other's place."""
    given = view.given if view.call.name not in _SYMMETRIC | SHAPES else {}
    alike = [(name, own) for name, own in given.items() if isinstance(own, Described) and own.shape]
    for (one, first), (other, second) in combinations(alike, 2):
        if (first.shape, first.dtype) == (second.shape, second.dtype):
            text = f"{one} and {other} of {view.call.name} are exchanged in the port"
            change = altered(**{one: lambda own, name=other: own[name], other: lambda own, name=one: own[name]})
            yield Idea("operands", f"({one}, {other})", f"({other}, {one})", change, POSSIBLE, text,
                       f"{one} and {other} exchanged")  # fmt: skip


def orders(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of two calls, one on the result of the other and both of its shape: the second before the first."""
    for first, second in zip(scene.calls, scene.calls[1:], strict=False):
        if not (_keeps(first) and _keeps(second) and _takes(second, first)) or first.name == second.name:
            continue
        change = Change(calls=dict(zip((first.number, second.number), _turned(), strict=True)))
        names = [call.name.replace("_", " ") for call in (first, second)]
        text = f"the port has the {names[1]} before the {names[0]}, the reference behind it"
        yield Suspect("order", " then ".join(names), " then ".join(names[::-1]), change, POSSIBLE, text,
                      f"{names[1]} before {names[0]}")  # fmt: skip


def selected(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of what is made of some entries alone, as the softmax of the largest scores: made of all, and then selected."""
    selecting = [call for call in scene.calls if call.name in _SELECTS]
    for first, second in product(selecting, [call for call in scene.calls if call.name in _OF_AN_AXIS]):
        made, taken = tensors_of([first.result])[:1], tensors_of([second.args, second.kwargs])[:1]
        if made and taken and made[0].tag == taken[0].tag != 0:
            change = Change(calls=dict(zip((first.number, second.number), _selected_behind(), strict=True)))
            names = [call.name.replace("_", " ") for call in (first, second)]
            text = f"the port has the {names[1]} before the {names[0]}, of all entries, the reference behind it"
            yield Suspect("order", " then ".join(names), " then ".join(names[::-1]), change, POSSIBLE, text,
                          f"{names[1]} before {names[0]}")  # fmt: skip


def _selected_behind() -> tuple[Replacement, Replacement]:
    """Two calls: the one that selects, and the one on what it has selected, which is made of all before that."""
    held: list[Callable[[torch.Tensor], Any]] = []
    own: list[torch.Tensor] = []

    def first(func: Function, args: tuple, kwargs: dict) -> Any:
        own[:] = [first_tensor(args, kwargs)]
        held[:] = [partial(_made_of, func, args, kwargs)]
        return func(*args, **kwargs)

    def second(func: Function, args: tuple, kwargs: dict) -> Any:
        made = held[0](_made_of(func, args, kwargs, own[0]))
        return made if isinstance(made, torch.Tensor) else made[0]

    return first, second


def numbers(scene: Scene) -> Iterator[Suspect[Change]]:
    """Every two numbers of one operator, each in the other's place."""
    held = [(call, named) for call in scene.calls if (named := operand(View(call, scene, {}))) is not None]
    pairs = [
        (one, other) for one, other in combinations(held, 2) if one[0].name == other[0].name and one[1] != other[1]
    ]
    for (first, (name, own)), (second, (other_name, other)) in pairs[:MOST_FLOWS]:
        change = Change(calls={first.number: altered(**{name: other}), second.number: altered(**{other_name: own})})
        words, places = f"{own:g} and {other:g}", ", ".join(dict.fromkeys((first.place, second.place)))
        text = f"{words} are exchanged in the port ({places})"
        yield Suspect("constant", words, "exchanged", change, POSSIBLE, text, f"{words} exchanged")


def _keeps(call: Call) -> bool:
    """Whether a call computes something of the shape of its first tensor."""
    first = next((given for given in (*call.args, *call.kwargs.values()) if isinstance(given, Described)), None)
    result = call.result
    if call.name in _MOVES or first is None or not isinstance(result, Described):
        return False
    return (first.shape, first.dtype) == (result.shape, result.dtype) and first.dtype.startswith(("float", "complex"))


def _takes(second: Call, first: Call) -> bool:
    """Whether the first tensor of one call may be the result of the other."""
    taken = next(given for given in (*second.args, *second.kwargs.values()) if isinstance(given, Described))
    return isinstance(first.result, Described) and taken.shape == first.result.shape


def _turned() -> tuple[Replacement, Replacement]:
    """Two calls: the first, which waits, and the second, after which it is made."""
    waiting: list[Callable[[torch.Tensor], Any]] = []

    def first(func: Function, args: tuple, kwargs: dict) -> Any:
        waiting[:] = [partial(_made_of, func, args, kwargs)]
        return first_tensor(args, kwargs).clone()

    def second(func: Function, args: tuple, kwargs: dict) -> Any:
        return waiting[0](func(*args, **kwargs))

    return first, second


def _made_of(func: Function, args: tuple, kwargs: dict, own: torch.Tensor) -> Any:
    """The call with another first tensor."""
    place = next((at for at, given in enumerate(args) if isinstance(given, torch.Tensor)), None)
    if place is not None:
        return func(*args[:place], own, *args[place + 1 :], **kwargs)
    name = next(name for name, given in kwargs.items() if isinstance(given, torch.Tensor))
    return func(*args, **{**kwargs, name: own})
