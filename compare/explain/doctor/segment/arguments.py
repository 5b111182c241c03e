"""What a call's own signature lets a port do otherwise, whatever the function: each argument in turn.

A flag turned, a neighbouring integer, another axis, another of the words that the function knows, an optional tensor
left out, the default in place of what was given. Numbers are not guessed at but fitted
(``compare.explain.doctor.segment.numbers``).
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from compare.explain.calls.call import Described
from compare.explain.calls.signatures import (
    FLAG,
    INTEGER,
    INTEGERS,
    NUMBER,
    OTHER,
    REQUIRED,
    TENSOR,
    WORD,
    Parameter,
    argument_kind,
    words_of,
)
from compare.explain.doctor.segment.ideas import Idea, View, altered, value
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.thresholds import BEHIND, DEFAULT, POSSIBLE, READ, SEVERAL, USUAL

# What changes no value, or what other families know better: dropout's masks are the reference's, a batch norm's flag
# chooses its statistics.
SILENT = {"inplace", "out", "dtype", "_stacklevel", "generator", "device", "layout", "memory_format", "requires_grad",
          "pin_memory", "sparse", "scale_grad_by_freq", "return_indices", "need_weights", "cudnn_enabled",
          "size_average", "reduce", "recompute_scale_factor", "training", "train", "keepdim", "momentum", "has_biases",
          "use_separate_proj_weight", "embed_dim_to_check", "average_attn_weights", "output_size", "enable_gqa",
          "non_blocking", "copy", "implicit", "batch_first", "num_layers", "bidirectional", "sorted",
          "dropout_p"}  # fmt: skip
# Whose arguments are shapes: another one does not go together with what follows.
SHAPES = {"view", "reshape", "flatten", "unflatten", "permute", "transpose", "movedim", "expand", "repeat", "squeeze",
          "unsqueeze", "split", "chunk", "zeros", "ones", "empty", "full", "randn", "rand", "eye", "tensor", "getitem",
          "to", "new_zeros", "new_ones", "new_full", "repeat_interleave", "size", "narrow", "unbind"}  # fmt: skip
AXES = {"dim", "dims", "axis"}
# As porters say it, where a function's name contains the first word.
SPOKEN = {
    ("norm", "eps"): "epsilon", ("norm", "num_groups"): "groups", ("_norm", "weight"): "scale",
    ("dropout", "p"): "dropout rate", ("attention", "is_causal"): "causal", ("pad", "mode"): "padding_mode",
    ("pad", "value"): "padding value", ("interpolate", "mode"): "method", ("norm", "p"): "norm",
    ("scaled_dot", "attn_mask"): "mask", ("add", "alpha"): "scale", ("sub", "alpha"): "scale",
    ("var", "correction"): "unbiased", ("std", "correction"): "unbiased", ("masked_fill", "value"): "fill",
}  # fmt: skip


# Of an operator: its number.
OPERANDS = {"mul": "factor", "div": "divisor", "rdiv": "dividend", "add": "term", "sub": "term", "rsub": "term",
            "floor_divide": "divisor", "remainder": "divisor"}  # fmt: skip


def argument_words(function: str, argument: str) -> str:
    """What a porter calls an argument."""
    if argument in AXES:
        return "axis"
    if argument in ("other", "input"):
        return OPERANDS.get(function, argument)
    return next((word for (part, own), word in SPOKEN.items() if own == argument and part in function), argument)


def ideas(view: View) -> Iterator[Idea]:
    """Of any call: every argument otherwise, one after another."""
    name = view.call.name
    given = view.given if name not in SHAPES else {}
    for parameter in view.parameters if given else ():
        own = given.get(parameter.name)
        if parameter.name not in SILENT:
            yield from _read(view, parameter, own)
            yield from _others(view, parameter, own)


def _read(view: View, parameter: Parameter, own: Any) -> Iterator[Idea]:
    """What was read of the port's layer."""
    setting = argument_words(view.call.name, parameter.name)
    other = view.read.get(setting)
    if other is not None and own is not None and shown(other) != shown(own):
        yield value(setting, own, other, altered(**{parameter.name: other}), READ + BEHIND)


def _others(view: View, parameter: Parameter, own: Any) -> Iterator[Idea]:
    name = parameter.name
    setting = argument_words(view.call.name, name)
    kind = argument_kind(own) if parameter.kind == OTHER else parameter.kind
    if name in AXES:
        yield from _axes(view, name, own)
    elif kind == FLAG and (own is None or isinstance(own, bool)):
        yield value(setting, bool(own), not own, altered(**{name: not own}), DEFAULT + BEHIND)
    elif kind == WORD and isinstance(own, str):
        for word in words_of(view.call.function, name):
            if (word != own and "none" not in (word, own)) or setting == "approximate":
                yield value(setting, own, word, altered(**{name: word}), USUAL + BEHIND)
    elif kind in (INTEGER, INTEGERS) or (kind == NUMBER and isinstance(own, int) and own != parameter.default):
        for other in _neighbours(own):
            yield value(setting, own, other, altered(**{name: other}), POSSIBLE + BEHIND)
    elif kind == TENSOR and parameter.optional and isinstance(own, Described):
        text = f"the port leaves out the {setting if setting != name else name} of {view.call.name}"
        yield Idea(setting, "given", "none", altered(**{name: None}), USUAL + BEHIND, text, f"no {setting}")
    if kind == NUMBER and isinstance(own, int | float) and _another(parameter.default, own):
        text = f"{setting} is {shown(parameter.default)} in the port, torch's default, {shown(own)} in the reference"
        change = altered(**{name: parameter.default})
        yield Idea(setting, shown(own), shown(parameter.default), change, DEFAULT + BEHIND, text)
    if kind == NUMBER and parameter.optional and isinstance(own, int | float):
        yield value(setting, own, None, altered(**{name: None}), POSSIBLE + BEHIND)


def _another(default: Any, own: float) -> bool:
    return default is not REQUIRED and isinstance(default, int | float) and default != own


def _neighbours(own: Any) -> Iterator[Any]:
    """One more and one less: of an integer, of each of several, of all of them."""
    for step in (1, -1):
        if isinstance(own, int) and not isinstance(own, bool):
            yield own + step
        elif isinstance(own, list | tuple) and 0 < len(own) <= SEVERAL and all(type(item) is int for item in own):
            if len(own) > 1:
                yield tuple(item + step for item in own)
            for place in range(len(own)):
                yield (*own[:place], own[place] + step, *own[place + 1 :])


def _axes(view: View, name: str, own: Any) -> Iterator[Idea]:
    function, count = view.call.name, len(view.shape)
    dims = (own,) if isinstance(own, int) and not isinstance(own, bool) else own
    if not isinstance(dims, tuple | list) or not count or not all(type(dim) is int for dim in dims):
        return
    counted = {dim % count for dim in dims}
    for others in combinations(reversed(range(count)), len(counted)):
        if set(others) != counted and any(view.shape[axis] > 1 for axis in others):
            other: Any = others[0] if isinstance(own, int) else tuple(sorted(others))
            here = dims[0] % count if isinstance(own, int) else tuple(sorted(counted))
            text = f"the {function.replace('_', '-')} runs over axis {other} in the port, {here} in the reference"
            rank = USUAL if len(counted) == 1 else POSSIBLE
            change = altered(**{name: other})
            yield Idea("axis", str(own), str(other), change, rank + BEHIND, text, f"{function} over axis {other}")
