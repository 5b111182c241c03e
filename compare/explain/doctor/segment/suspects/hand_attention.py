"""Attention written by hand: a softmax over scores, and the masks before it."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View, afterwards, altered
from compare.explain.doctor.segment.suspects.attention import FULL, scores_mask


def by_hand(view: View) -> Iterator[Idea]:
    """Of a softmax over scores: causal or not, and how masked rows come out."""
    shape = view.first.shape if view.first else ()
    if view.call.name != "softmax" or len(shape) < 2:
        return
    queries, keys = shape[-2], shape[-1]
    for diagonal, word, rank in ((0, "yes", USUAL), (-1, "yes, without itself", RARE)):
        yield Idea("causal", "as masked", word, f"the port masks what comes after{' and itself' if diagonal else ''}, "
                   "the reference does not", f"causal ({word})", _masked(queries, keys, diagonal), rank)  # fmt: skip
    for word, factor in ((f"sqrt({keys})", keys**-0.5),):
        yield Idea("scale", "1", f"1 / {word}", f"the port divides the scores by {word}", f"scores divided by {word}",
                   _times(factor), RARE)  # fmt: skip


def _masked(queries: int, keys: int, diagonal: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        allowed = scores_mask(queries, keys, diagonal, args[0])
        return func(args[0].masked_fill(~allowed, FULL), *args[1:], **kwargs)

    return replacement


def _times(factor: float) -> Any:
    return lambda func, args, kwargs: func(args[0] * factor, *args[1:], **kwargs)


def masked(view: View) -> Iterator[Idea]:
    """Of ``masked_fill``: not done, done to the rest, and with another value."""
    value = view.given["value"]
    yield Idea("mask", "used", "ignored", "the port does not mask there", "mask ignored",
               lambda func, args, kwargs: args[0], USUAL)  # fmt: skip
    yield Idea("mask", "True is filled", "False is filled", "the port fills where the mask is False, the reference "
               "where it is True", "mask inverted", altered("masked_fill", mask=lambda one: ~one["mask"]),
               USUAL)  # fmt: skip
    if isinstance(value, int | float):
        for other in (FULL, -1e9, float("-inf"), -1e4, 0.0, torch.finfo(torch.float32).min):
            if other != value:
                rank = USUAL if other < -1e5 else POSSIBLE
                yield Idea("fill", f"{value:g}", f"{other:g}", f"the port fills with {other:g}, the reference with "
                           f"{value:g}", f"fill {other:g}", altered("masked_fill", value=other), rank)  # fmt: skip


def triangle(view: View) -> Iterator[Idea]:
    """Of ``tril`` and ``triu``: a diagonal further, and the other triangle."""
    name, own = view.call.name, int(view.given["diagonal"])
    word = "causal" if _masks_scores(view) else "diagonal"
    for diagonal in (own + 1, own - 1):
        yield Idea(word, str(own), str(diagonal), f"the diagonal of {name} is {diagonal} in the port, {own} "
                   "in the reference", f"{name} diagonal {diagonal}", altered(name, diagonal=diagonal),
                   USUAL)  # fmt: skip
    other = torch.tril if name == "triu" else torch.triu
    yield Idea("triangle", name, "the other", f"the port takes the other triangle than {name}", "the other triangle",
               lambda func, args, kwargs: other(args[0], own), POSSIBLE)  # fmt: skip
    yield Idea("triangle", name, "all", f"the port does without the {name}", f"no {name}",
               lambda func, args, kwargs: args[0], POSSIBLE)  # fmt: skip
    if word == "causal":
        for masks, short in ((torch.zeros_like, "nothing"), (torch.ones_like, "everything")):
            yield Idea(word, "yes", "no", "the reference's attention is causal, the port's is not",
                       f"not causal ({name} of {short})", afterwards(masks), DEFAULT)  # fmt: skip


def _masks_scores(view: View) -> bool:
    """Whether there is attention in the scene for a triangle to mask."""
    return any(call.name in ("softmax", "scaled_dot_product_attention") for call in view.scene.calls)


FAMILIES: dict[str, Family] = {"softmax": by_hand, "masked_fill": masked, "tril": triangle, "triu": triangle}
