"""Attention, torch's own and written by hand: scale, masks, the causal triangle, and which axis is which."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Replacement
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.formulas import with_part
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, altered, computed, value
from compare.explain.doctor.thresholds import DEFAULT, FULL, POSSIBLE, RARE, USUAL, WEAK

Tensor = torch.Tensor


def scores_mask(rows: int, columns: int, diagonal: int, like: Tensor) -> Tensor:
    """True where a query may look: the triangle up to ``diagonal``."""
    return torch.ones(rows, columns, dtype=torch.bool, device=like.device).tril(diagonal)


def _over_queries(given: Given) -> Tensor:
    """Attention whose weights sum to one over the queries; without masks."""
    query, key, value = given["query"], given["key"], given["value"]
    factor = given["scale"] if given["scale"] is not None else 1 / math.sqrt(query.shape[-1])
    result: Tensor = (query @ key.transpose(-1, -2) * factor).softmax(-2) @ value
    return result


def ideas(view: View) -> Iterator[Idea]:
    """Of ``scaled_dot_product_attention``."""
    given = view.given
    query, key = given["query"], given["key"]
    if not all(isinstance(given[name], Described) for name in ("query", "key", "value")):
        return
    width, heads = query.shape[-1], query.shape[1] if len(query.shape) == 4 else 1
    own = given["scale"] if given["scale"] is not None else 1 / math.sqrt(width)
    scales = {"1": 1.0, f"1 / sqrt({width})": width**-0.5, f"1 / {width}": 1 / width,
              f"1 / sqrt({width * heads})": (width * heads) ** -0.5, f"sqrt({width})": width**0.5}  # fmt: skip
    for word, scale in scales.items():
        if not math.isclose(scale, own):
            rank = DEFAULT if scale == 1 else USUAL
            yield value("scale", f"{own:.6g}", word, altered(scale=scale), rank)
    if given["is_causal"]:
        yield from _triangles(query.shape[-2], key.shape[-2])
    if isinstance(given["attn_mask"], Described):
        yield from _mask(given["attn_mask"])
    if given["attn_mask"] is None and not given["is_causal"]:
        text = "the softmax runs over the queries in the port, the keys in the reference"
        yield value("axis", "keys", "queries", computed(_over_queries), POSSIBLE, text)
    if key.shape == given["value"].shape:
        yield _exchanged("key", "value", "(query, value, key)")
        if key.shape == query.shape:
            yield _exchanged("query", "key", "(key, query, value)")
    if given["enable_gqa"]:
        tiled = altered(key=_tiled("key"), value=_tiled("value"), enable_gqa=False)
        yield value("repeat_interleave", "neighbours", "every n-th head", tiled, DEFAULT)


def _exchanged(one: str, other: str, order: str) -> Idea:
    swapped = altered(**{one: lambda given: given[other], other: lambda given: given[one]})
    return value("order", "(query, key, value)", order, swapped, POSSIBLE)


def _tiled(name: str) -> Any:
    return lambda given: given[name].repeat(1, given["query"].shape[1] // given[name].shape[1], 1, 1)


def _triangles(queries: int, keys: int) -> Iterator[Idea]:
    for diagonal, word in ((1, "one later"), (-1, "one earlier"), (keys - queries, f"{keys - queries} later")):
        if diagonal:
            mask = partial(_triangle, queries, keys, diagonal)
            yield value("causal", "up to itself", word, altered(attn_mask=mask, is_causal=False))
    for fill in WEAK:
        text = f"the port fills with {fill:g} the scores that the reference masks entirely"
        change = computed(with_part("scaled_dot_product_attention", ("scores",), partial(_weakly, fill)))
        yield Idea("fill", "-inf", f"{fill:g}", change, POSSIBLE, text)


def _triangle(queries: int, keys: int, diagonal: int, given: Given) -> Tensor:
    return scores_mask(queries, keys, diagonal, given["query"])


def _weakly(fill: float, scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.isneginf(scores), fill)


def _averaging(given: Given) -> Tensor:
    """The mask as what is added to the scores, nowhere infinite."""
    mask, query = given["attn_mask"], given["query"]
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, FULL)


def _mask(mask: Described) -> Iterator[Idea]:
    if mask.dtype == "bool":
        text = "the port masks where the mask is True, the reference keeps it there"
        inverted = altered(attn_mask=lambda own: ~own["attn_mask"])
        yield value("mask", "True is kept", "True is masked", inverted, DEFAULT, text)
        yield value("masked rows", "zero or NaN", "an average", altered(attn_mask=_averaging))
    if len(mask.shape) >= 2 and mask.shape[-1] == mask.shape[-2]:
        yield value("mask", "(queries, keys)", "transposed", altered(
            attn_mask=lambda own: own["attn_mask"].transpose(-1, -2)))  # fmt: skip


def by_hand(view: View) -> Iterator[Idea]:
    """Of a softmax over scores: causal or not."""
    if view.call.name != "softmax" or len(view.shape) < 2:
        return
    queries, keys = view.shape[-2:]
    for diagonal, word, rank in ((0, "yes", USUAL), (-1, "yes, without itself", RARE)):
        yield value("causal", "as masked", word, _causal(queries, keys, diagonal), rank)


def _causal(queries: int, keys: int, diagonal: int) -> Replacement:
    def scores(given: Given) -> torch.Tensor:
        masked: torch.Tensor = given["input"].masked_fill(~scores_mask(queries, keys, diagonal, given["input"]), FULL)
        return masked

    return altered(input=scores)


def filled(view: View) -> Iterator[Idea]:
    """Of ``masked_fill``: done to the rest; with infinity for a number that masks entirely, and the other way."""
    own = view.given["value"]
    text = "the port fills where the mask is False, the reference where it is True"
    yield value("mask", "True is filled", "False is filled", altered(mask=lambda own: ~own["mask"]), USUAL, text)
    weak = WEAK if isinstance(own, int | float) and own < 0 else ()
    for fill in (FULL, -math.inf, *weak) if isinstance(own, int | float) else ():
        if fill != own:
            yield value("fill", float(own), fill, altered(value=fill))


def triangle(view: View) -> Iterator[Idea]:
    """Of ``tril`` and ``triu``: a diagonal further, the other triangle, and none."""
    name, own = view.call.name, int(view.given["diagonal"])
    # Where there is attention in the scene, a triangle masks it.
    scores = any(call.name in ("softmax", "scaled_dot_product_attention") for call in view.scene.calls)
    word = "causal" if scores else "diagonal"
    for diagonal in (own + 1, own - 1):
        text = f"the diagonal of {name} is {diagonal} in the port, {own} in the reference"
        yield Idea(word, str(own), str(diagonal), altered(diagonal=diagonal), USUAL, text)
    yield value("triangle", name, "all", lambda func, args, kwargs: args[0], POSSIBLE)
    for masks, what in ((torch.zeros_like, "nothing"), (torch.ones_like, "everything")) if scores else ():
        text = "the reference's attention is causal, the port's is not"
        yield Idea("causal", "yes", "no", afterwards(masks), DEFAULT, text, f"not causal ({name} of {what})")


FAMILIES: dict[str, Family] = {
    "scaled_dot_product_attention": ideas,
    "softmax": by_hand,
    "masked_fill": filled,
    **dict.fromkeys(("tril", "triu"), triangle),
}
