"""What the families of suspects speak of: arguments by name, a call made otherwise, an idea of what differs."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from compare.explain.calls.call import Call, Described
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.padding import shown

# Plausibility; the lower, the sooner it is tried.
READ, DEFAULT, USUAL, POSSIBLE, RARE = range(5)

SIGNATURES = {
    "layer_norm": "input normalized_shape weight=None bias=None eps=1e-5",
    "rms_norm": "input normalized_shape weight=None eps=None",
    "group_norm": "input num_groups weight=None bias=None eps=1e-5",
    "instance_norm": "input running_mean=None running_var=None weight=None bias=None use_input_stats=True momentum=0.1"
    " eps=1e-5",
    "batch_norm": "input running_mean running_var weight=None bias=None training=False momentum=0.1 eps=1e-5",
    "normalize": "input p=2.0 dim=1 eps=1e-12",
    "gelu": "input approximate='none'",
    "leaky_relu": "input negative_slope=0.01",
    "elu": "input alpha=1.0", "celu": "input alpha=1.0",
    "softplus": "input beta=1 threshold=20",
    "softmax": "input dim=None", "log_softmax": "input dim=None", "glu": "input dim=-1",
    "hardtanh": "input min_val=-1.0 max_val=1.0", "prelu": "input weight",
    "clamp": "input min=None max=None", "clip": "input min=None max=None",
    "linear": "input weight bias=None",
    "embedding": "input weight padding_idx=None max_norm=None norm_type=2.0 scale_grad_by_freq=False sparse=False",
    "dropout": "input p=0.5 training=True",
    "conv": "input weight bias=None stride=1 padding=0 dilation=1 groups=1",
    "conv_transpose": "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1",
    "max_pool": "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False",
    "avg_pool": "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True divisor_override=None",
    "interpolate": "input size=None scale_factor=None mode='nearest' align_corners=None recompute_scale_factor=None"
    " antialias=False",
    "pad": "input pad mode='constant' value=None",
    "scaled_dot_product_attention": "query key value attn_mask=None dropout_p=0.0 is_causal=False scale=None"
    " enable_gqa=False",
    "cross_entropy": "input target weight=None size_average=None ignore_index=-100 reduce=None reduction='mean'"
    " label_smoothing=0.0",
    "nll_loss": "input target weight=None size_average=None ignore_index=-100 reduce=None reduction='mean'",
    "mse_loss": "input target size_average=None reduce=None reduction='mean' weight=None",
    "l1_loss": "input target size_average=None reduce=None reduction='mean' weight=None",
    "smooth_l1_loss": "input target size_average=None reduce=None reduction='mean' beta=1.0",
    "huber_loss": "input target reduction='mean' delta=1.0 weight=None",
    "kl_div": "input target size_average=None reduce=None reduction='mean' log_target=False",
    "binary_cross_entropy": "input target weight=None size_average=None reduce=None reduction='mean'",
    "binary_cross_entropy_with_logits": "input target weight=None size_average=None reduce=None reduction='mean'"
    " pos_weight=None",
    "flatten": "input start_dim=0 end_dim=-1",
    "var": "input dim=None unbiased=True keepdim=False", "std": "input dim=None unbiased=True keepdim=False",
    "mean": "input dim=None keepdim=False", "sum": "input dim=None keepdim=False",
    "amax": "input dim=None keepdim=False",
    "masked_fill": "input mask value",
    "tril": "input diagonal=0", "triu": "input diagonal=0",
    "transpose": "input dim0 dim1",
}  # fmt: skip
_DIGITS = ("1d", "2d", "3d")


@dataclass(frozen=True)
class Idea:
    """One thing that the port may do otherwise in one call.

    Attributes:
        setting, reference, port, text: as in ``Cause``.
        short: how it is listed where it is excluded: "tanh GELU".
        replacement: the call as the port would make it.
        rank: READ, DEFAULT, USUAL, POSSIBLE or RARE.
    """

    setting: str
    reference: str
    port: str
    text: str
    short: str
    replacement: Replacement
    rank: float = USUAL


@dataclass(frozen=True)
class Suspect:
    """An idea about one call or several alike, or about attributes or weights, as a change of the reference."""

    setting: str
    reference: str
    port: str
    text: str
    short: str
    change: Change
    rank: float
    read: bool = False


@dataclass(frozen=True)
class View:
    """What a family looks at: one call in its scene, and what was read of the port's settings."""

    call: Call
    scene: Scene
    read: Mapping[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """The call's arguments by name, defaults filled in, tensors described."""
        return bound(self.call.name, self.call.args, self.call.kwargs)

    @property
    def first(self) -> Described | None:
        """The first tensor that the call takes."""
        return next(iter(tensors(self.call)), None)


Family = Callable[[View], Iterator[Idea]]


def tensors(call: Call) -> list[Described]:
    """The tensors among a call's arguments, lists and tuples of them not looked into."""
    return [one for one in (*call.args, *call.kwargs.values()) if isinstance(one, Described)]


@cache
def signature(name: str) -> dict[str, Any]:
    """Parameters of a torch function with their defaults (None where there is none), in order; {} if not known."""
    plain = name[:-2] if name.endswith(_DIGITS) else name
    parts = [part.partition("=") for part in SIGNATURES.get(plain, "").split()]
    return {own: ast.literal_eval(default) if default else None for own, _, default in parts}


def bound(name: str, args: tuple, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call of the torch function ``name`` by name, defaults filled in."""
    parameters = signature(name)
    given = dict(zip(parameters, args, strict=False))
    return {**parameters, **given, **kwargs}


def altered(name: str, **changes: Any) -> Replacement:
    """The same call with other arguments; a change that is callable is called with the arguments by name."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        given = bound(name, args, kwargs)
        made = {own: one(given) if callable(one) else one for own, one in changes.items()}
        places = {own: place for place, own in enumerate(signature(name))}
        positional = list(args)
        keywords = dict(kwargs)
        for own, value in made.items():
            if places[own] < len(args):
                positional[places[own]] = value
            else:
                keywords[own] = value
        return func(*positional, **keywords)

    return replacement


def computed(name: str, formula: Callable[[dict[str, Any]], Any]) -> Replacement:
    """Another formula in place of the call, of its arguments by name."""
    return lambda func, args, kwargs: formula(bound(name, args, kwargs))


def instead(function: Callable[..., Any]) -> Replacement:
    """``function`` of the call's first tensor in place of the call."""
    return lambda func, args, kwargs: function(first_tensor(args, kwargs))


def afterwards(function: Callable[[Any], Any]) -> Replacement:
    """The call, and ``function`` of its result."""
    return lambda func, args, kwargs: function(func(*args, **kwargs))


def first_tensor(args: tuple, kwargs: Mapping[str, Any]) -> Any:
    """The first tensor that a call was given."""
    import torch

    return next(one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor))


def value(setting: str, reference: Any, port: Any, replacement: Replacement, rank: int = USUAL) -> Idea:
    """A setting that has another value in the port."""
    own, other = shown(reference), shown(port)
    text = f"{setting} is {other} in the port, {own} in the reference"
    return Idea(setting, own, other, text, f"{setting} {other}", replacement, rank)


def candidates(view: View, setting: str, own: Any, usual: tuple, rank: int = DEFAULT) -> Iterator[tuple[Any, int]]:
    """Values that the port may have for ``setting``, with their rank: the one read of it first, then the usual."""
    values = ([(view.read[setting], READ)] if setting in view.read else []) + [
        (one, rank + place) for place, one in enumerate(usual)
    ]
    seen = {own}
    for one, own_rank in values:
        if one not in seen:
            seen.add(one)
            yield one, min(own_rank, RARE)
