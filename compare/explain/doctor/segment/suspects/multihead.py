"""``nn.MultiheadAttention``, one call with its own projections."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, value
from compare.explain.doctor.segment.suspects.attention import scores_mask
from compare.explain.doctor.segment.suspects.dense import blocks_in
from compare.explain.doctor.thresholds import DEFAULT

Tensor = torch.Tensor
_PARTS = ("query", "key", "value")


def ideas(view: View) -> Iterator[Idea]:
    """Of ``nn.MultiheadAttention``: masks, scale, the packed projections, how heads lie."""
    given = view.given
    width, heads = int(given["embed_dim_to_check"]), int(given["num_heads"])
    for name in ("key_padding_mask", "attn_mask"):
        if isinstance(given[name], Described):
            yield value(name, "used", "ignored", _masked(name, lambda mask: None), DEFAULT)
            yield value(name, "True is masked", "True is kept", _masked(name, _inverted), DEFAULT)
    if not isinstance(given["attn_mask"], Described):
        yield value("causal", "no", "yes", altered(attn_mask=_triangle, is_causal=False))
    for word, factor in (("1", (width // heads) ** 0.5), (f"1 / sqrt({width})", heads**-0.5)):
        scaled = _projected(partial(_queries_times, factor))
        yield value("scale", f"1 / sqrt({width // heads})", word, altered(**scaled))
    for order in list(permutations(range(3)))[1:]:
        word = ", ".join(_PARTS[place] for place in order)
        packed = altered(**_packed(blocks_in(order)))
        yield value("order of the packed weight", "(query, key, value)", f"({word})", packed)

    def rows(tensor: Tensor) -> Tensor:
        return tensor.reshape(-1, heads, *tensor.shape[1:]).transpose(0, 1).reshape(tensor.shape)

    last = _projected(lambda parts: [rows(part) for part in parts])
    layout = altered(**last, out_proj_weight=lambda own: rows(own["out_proj_weight"].T).T)
    yield value("head layout", "(heads, width)", "(width, heads)", layout)
    transposed = altered(out_proj_weight=lambda own: own["out_proj_weight"].T)
    yield value("transposed", "out_proj_weight (out, in)", "transposed", transposed)


def _packed(function: Callable[[Tensor], Tensor]) -> dict[str, Callable[[Given], Any]]:
    """The packed projection changed, weight and bias."""

    def change(name: str) -> Callable[[Given], Any]:
        return lambda given: None if given[name] is None else function(given[name])

    return {name: change(name) for name in ("in_proj_weight", "in_proj_bias")}


def _projected(function: Callable[[list[Tensor]], list[Tensor]]) -> dict[str, Callable[[Given], Any]]:
    return _packed(lambda whole: torch.cat(function(list(whole.chunk(3)))))


def _queries_times(factor: float, parts: list[Tensor]) -> list[Tensor]:
    return [parts[0] * factor, *parts[1:]]


def _triangle(given: Given) -> Tensor:
    query, key = given["query"], given["key"]  # (length, batch, width)
    return ~scores_mask(query.shape[0], key.shape[0], 0, query)


def _masked(name: str, function: Callable[[Tensor], Tensor | None]) -> Any:
    """Another mask, of what the module hands on: what is added to the scores."""

    def change(given: Given) -> Tensor | None:
        mask = given[name]
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=given["query"].dtype).masked_fill(mask, float("-inf"))
        return function(mask)

    # A call says that its mask is causal, and a mask that is not there cannot be.
    return altered(**{name: change}, is_causal=lambda given: given["is_causal"] and name != "attn_mask")


def _inverted(mask: Tensor) -> Tensor:
    return torch.zeros_like(mask).masked_fill(mask == 0, float("-inf"))


FAMILIES: dict[str, Family] = {"multi_head_attention_forward": ideas}
