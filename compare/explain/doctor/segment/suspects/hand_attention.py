"""Attention written by hand: a softmax over scores, and the masks before it."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.counting import Replacement
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, altered, value
from compare.explain.doctor.segment.suspects.attention import FULL, scores_mask
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, USUAL


def by_hand(view: View) -> Iterator[Idea]:
    """Of a softmax over scores: causal or not, and scaled."""
    if view.call.name != "softmax" or len(view.shape) < 2:
        return
    queries, keys = view.shape[-2:]
    for diagonal, word, rank in ((0, "yes", USUAL), (-1, "yes, without itself", RARE)):
        yield value("causal", "as masked", word, _masked(queries, keys, diagonal), rank)
    scaled = altered(input=lambda own: own["input"] * keys**-0.5)
    yield value("scale", "1", f"1 / sqrt({keys})", scaled, RARE)


def _masked(queries: int, keys: int, diagonal: int) -> Replacement:
    def scores(given: dict[str, Any]) -> torch.Tensor:
        masked: torch.Tensor = given["input"].masked_fill(~scores_mask(queries, keys, diagonal, given["input"]), FULL)
        return masked

    return altered(input=scores)


def masked(view: View) -> Iterator[Idea]:
    """Of ``masked_fill``: done to the rest, and with another value."""
    own = view.given["value"]
    yield value("mask", "True is filled", "False is filled", altered(mask=lambda own: ~own["mask"]))
    for fill in (FULL, -1e9, float("-inf"), -1e4, 0.0, torch.finfo(torch.float32).min):
        if isinstance(own, int | float) and fill != own:
            yield value("fill", float(own), fill, altered(value=fill), USUAL if fill < -1e5 else POSSIBLE)


def triangle(view: View) -> Iterator[Idea]:
    """Of ``tril`` and ``triu``: a diagonal further, the other triangle, and none."""
    name, own = view.call.name, int(view.given["diagonal"])
    # Where there is attention in the scene, a triangle masks it.
    scores = any(call.name in ("softmax", "scaled_dot_product_attention") for call in view.scene.calls)
    word = "causal" if scores else "diagonal"
    for diagonal in (own + 1, own - 1):
        text = f"the diagonal of {name} is {diagonal} in the port, {own} in the reference"
        yield Idea(
            word, str(own), str(diagonal), altered(diagonal=diagonal), USUAL, text, f"{name} diagonal {diagonal}"
        )
    other = torch.tril if name == "triu" else torch.triu
    yield value("triangle", name, "the other", lambda func, args, kwargs: other(args[0], own), POSSIBLE)
    yield value("triangle", name, "all", lambda func, args, kwargs: args[0], POSSIBLE)
    for masks, what in ((torch.zeros_like, "nothing"), (torch.ones_like, "everything")) if scores else ():
        text = "the reference's attention is causal, the port's is not"
        yield Idea("causal", "yes", "no", afterwards(masks), DEFAULT, text, f"not causal ({name} of {what})")


FAMILIES: dict[str, Family] = {"softmax": by_hand, "masked_fill": masked, "tril": triangle, "triu": triangle}
