"""Attention: scale, masks, the causal triangle, and which axis is which."""

import math
from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View, altered, bound

Tensor = torch.Tensor
FULL = -1e30  # a finite minimum, as JAX masks with: a row that is masked everywhere becomes an average


def scores_mask(rows: int, columns: int, diagonal: int, like: Tensor) -> Tensor:
    """True where a query may look: the triangle up to ``diagonal``."""
    return torch.ones(rows, columns, dtype=torch.bool, device=like.device).tril(diagonal)


def attended(given: dict[str, Any], *, scale: float | None = None, mask: Any = None, axis: int = -1,
             fill: float = float("-inf"), additive: Tensor | None = None) -> Tensor:  # fmt: skip
    """Attention by its formula; ``mask`` is True where a query may look."""
    query, key, value = given["query"], given["key"], given["value"]
    factor = scale if scale is not None else 1 / math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-1, -2) * factor
    scores = scores + additive if additive is not None else scores
    scores = scores.masked_fill(~mask, fill) if mask is not None else scores
    return scores.softmax(axis) @ value


def _masks(given: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """The call's own masks: what may be looked at, and what is added."""
    mask = given["attn_mask"]
    if given["is_causal"]:
        return scores_mask(given["query"].shape[-2], given["key"].shape[-2], 0, given["query"]), None
    if mask is None:
        return None, None
    return (mask, None) if mask.dtype == torch.bool else (None, mask)


def _formula(**changes: Any) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        given = bound("scaled_dot_product_attention", args, kwargs)
        allowed, additive = _masks(given)
        made = {name: one(given) if callable(one) else one for name, one in changes.items()}
        options = {"mask": allowed, "additive": additive, "scale": given["scale"]} | made
        return attended(given, **options)

    return replacement


def ideas(view: View) -> Iterator[Idea]:
    """Of ``scaled_dot_product_attention``."""
    name, given = view.call.name, view.given
    if not all(isinstance(given[one], Described) for one in ("query", "key", "value")):
        return
    width, queries, keys = given["query"].shape[-1], given["query"].shape[-2], given["key"].shape[-2]
    own = given["scale"] if given["scale"] is not None else 1 / math.sqrt(width)
    heads = given["query"].shape[1] if len(given["query"].shape) == 4 else 1
    scales = {"1": 1.0, f"1 / sqrt({width})": width**-0.5, f"1 / {width}": 1 / width,
              f"1 / sqrt({width * heads})": (width * heads) ** -0.5, f"sqrt({width})": width**0.5}  # fmt: skip
    for word, scale in scales.items():
        if not math.isclose(scale, own):
            yield Idea("scale", f"{own:.6g}", word, f"the port scales the scores by {word}, the reference by {own:.6g}",
                       f"scale {word}", altered(name, scale=scale), DEFAULT if scale == 1 else USUAL)  # fmt: skip
    yield from _causal(view, given, queries, keys)
    yield from _mask(given)
    yield Idea("axis", "keys", "queries", "the port's softmax runs over the queries, the reference's over the keys",
               "softmax over the queries", _formula(axis=-2), POSSIBLE)  # fmt: skip
    if given["key"].shape == given["value"].shape:
        swapped = altered(name, key=lambda one: one["value"], value=lambda one: one["key"])
        yield Idea("order", "(query, key, value)", "(query, value, key)", "the port exchanges keys and values",
                   "keys and values exchanged", swapped, POSSIBLE)  # fmt: skip
        if given["key"].shape == given["query"].shape:
            turned = altered(name, query=lambda one: one["key"], key=lambda one: one["query"])
            yield Idea("order", "(query, key, value)", "(key, query, value)", "the port exchanges queries and keys",
                       "queries and keys exchanged", turned, POSSIBLE)  # fmt: skip
    if given["enable_gqa"]:
        yield Idea("repeat_interleave", "neighbours", "every n-th head", "the port's queries share the keys of "
                   "every n-th head, the reference's those of neighbours", "heads tiled", _tiled, DEFAULT)  # fmt: skip


def _tiled(func: Any, args: tuple, kwargs: dict) -> Any:
    def tile(one: Tensor, query: Tensor) -> Tensor:
        return one.repeat(1, query.shape[1] // one.shape[1], 1, 1)

    changes = {name: lambda one, name=name: tile(one[name], one["query"]) for name in ("key", "value")}
    return altered("scaled_dot_product_attention", **changes, enable_gqa=False)(func, args, kwargs)


def _causal(view: View, given: dict[str, Any], queries: int, keys: int) -> Iterator[Idea]:
    def triangle(diagonal: int) -> Any:
        return _formula(mask=lambda one: scores_mask(queries, keys, diagonal, one["query"]))

    if not given["is_causal"] and given["attn_mask"] is None:
        yield Idea("causal", "no", "yes", "the port's attention is causal, the reference's is not", "causal",
                   triangle(0), DEFAULT)  # fmt: skip
        return
    if given["is_causal"]:
        yield Idea("causal", "yes", "no", "the reference's attention is causal, the port's is not", "not causal",
                   altered(view.call.name, is_causal=False), DEFAULT)  # fmt: skip
        for diagonal, word in ((1, "one later"), (-1, "one earlier"), (keys - queries, f"{keys - queries} later")):
            if diagonal:
                yield Idea("causal", "up to itself", word, f"the port's causal mask ends {word} than the reference's",
                           f"causal mask {word}", triangle(diagonal), USUAL)  # fmt: skip


def _mask(given: dict[str, Any]) -> Iterator[Idea]:
    mask = given["attn_mask"]
    if not isinstance(mask, Described):
        return
    name = "scaled_dot_product_attention"
    yield Idea("mask", "used", "ignored", "the port ignores the attention mask", "mask ignored",
               altered(name, attn_mask=None), DEFAULT)  # fmt: skip
    if mask.dtype == "bool":
        yield Idea("mask", "True is kept", "True is masked", "a True in the mask is masked in the port, kept in the "
                   "reference", "mask inverted", altered(name, attn_mask=lambda one: ~one["attn_mask"]),
                   DEFAULT)  # fmt: skip
        yield Idea("masked rows", "zero or NaN", "an average", "a row that is masked everywhere becomes an average in "
                   "the port", "masked rows averaged", _formula(fill=FULL), USUAL)  # fmt: skip
        yield Idea("mask", "a mask", "added as a number", "the port adds the boolean mask to the scores", "mask added",
                   altered(name, attn_mask=lambda one: one["attn_mask"].to(one["query"].dtype)), RARE)  # fmt: skip
    if len(mask.shape) >= 2 and mask.shape[-1] == mask.shape[-2]:
        yield Idea("mask", "(queries, keys)", "transposed", "the port transposes the mask", "mask transposed",
                   altered(name, attn_mask=lambda one: one["attn_mask"].transpose(-1, -2)), USUAL)  # fmt: skip


FAMILIES: dict[str, Family] = {"scaled_dot_product_attention": ideas}
