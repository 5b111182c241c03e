"""``nn.MultiheadAttention``, one call with its own projections."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import DEFAULT, USUAL, Family, Idea, View
from compare.explain.doctor.segment.suspects.attention import FULL, scores_mask

Tensor = torch.Tensor
# The parameters of F.multi_head_attention_forward, in order.
MULTI = (
    "query", "key", "value", "embed_dim_to_check", "num_heads", "in_proj_weight", "in_proj_bias", "bias_k", "bias_v",
    "add_zero_attn", "dropout_p", "out_proj_weight", "out_proj_bias", "training", "key_padding_mask", "need_weights",
    "attn_mask", "use_separate_proj_weight",
)  # fmt: skip


def _multi(**changes: Any) -> Any:
    """The same call of ``multi_head_attention_forward`` with other arguments."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        given = {**dict(zip(MULTI, args, strict=False)), **kwargs}
        made = given | {name: one(given) if callable(one) else one for name, one in changes.items()}
        if made.get("attn_mask") is None:
            made["is_causal"] = False
        return func(**made)

    return replacement


def _reordered(order: tuple[int, ...]) -> dict[str, Any]:
    def change(name: str) -> Any:
        def reorder(given: dict[str, Any]) -> Any:
            if given[name] is None:
                return None
            parts = given[name].chunk(3)
            return torch.cat([parts[one] for one in order])

        return reorder

    return {name: change(name) for name in ("in_proj_weight", "in_proj_bias")}


def multi(view: View) -> Iterator[Idea]:
    """Of ``nn.MultiheadAttention``: masks, scale, the packed projections and their biases, how heads lie."""
    given = {**dict(zip(MULTI, view.call.args, strict=False)), **view.call.kwargs}
    width, heads = int(given["embed_dim_to_check"]), int(given["num_heads"])
    for name, word in (("key_padding_mask", "key padding mask"), ("attn_mask", "attention mask")):
        mask = given.get(name)
        if isinstance(mask, Described):
            yield Idea(name, "used", "ignored", f"the port ignores the {word}", f"{word} ignored",
                       _multi(**{name: None}), DEFAULT)  # fmt: skip
            yield Idea(name, "True is masked", "True is kept", f"a True in the {word} is kept in the port, masked in "
                       "the reference", f"{word} inverted", _multi(**{name: _inverted(name)}), DEFAULT)  # fmt: skip
            yield Idea("masked rows", "NaN", "an average", "a row that is masked everywhere becomes an average in "
                       "the port", f"masked rows averaged ({word})", _multi(**{name: _finite(name)}),
                       USUAL)  # fmt: skip
    if not isinstance(given.get("attn_mask"), Described):
        yield Idea("causal", "no", "yes", "the port's attention is causal, the reference's is not", "causal",
                   _multi(attn_mask=_triangle), USUAL)  # fmt: skip
    for word, factor in (("1", (width // heads) ** 0.5), (f"1 / sqrt({width})", heads**-0.5)):
        yield Idea("scale", f"1 / sqrt({width // heads})", word, f"the port scales the scores by {word}, the reference "
                   f"by 1 / sqrt({width // heads})", f"scale {word}", _multi(**_scaled(factor)), USUAL)  # fmt: skip
    for name, word in (("in_proj_bias", "projections' bias"), ("out_proj_bias", "output bias")):
        if given.get(name) is not None:
            yield Idea(word, "learnt", "none", f"the port leaves out the {word}", f"no {word}", _multi(**{name: None}),
                       DEFAULT)  # fmt: skip
    for order, word in (((1, 0, 2), "(key, query, value)"), ((0, 2, 1), "(query, value, key)"),
                        ((2, 0, 1), "(value, query, key)"), ((1, 2, 0), "(key, value, query)"),
                        ((2, 1, 0), "(value, key, query)")):  # fmt: skip
        yield Idea("order of the packed weight", "(query, key, value)", word, "the port takes the packed projection as "
                   f"{word}", f"projections as {word}", _multi(**_reordered(order)), USUAL)  # fmt: skip
    yield Idea("head layout", "(heads, width)", "(width, heads)", "the port splits the width as (width, heads), the "
               "reference as (heads, width)", "heads last", _multi(**_heads_last(heads)), USUAL)  # fmt: skip
    yield Idea("transposed", "(out, in)", "transposed", "the port uses the output weight without transposing it",
               "output weight transposed", _multi(out_proj_weight=lambda one: one["out_proj_weight"].T),
               USUAL)  # fmt: skip


def _triangle(given: dict[str, Any]) -> Tensor:
    query, key = given["query"], given["key"]
    dim = 0  # F.multi_head_attention_forward takes (length, batch, width)
    return ~scores_mask(query.shape[dim], key.shape[dim], 0, query)


def _added(name: str, given: dict[str, Any]) -> Tensor:
    """A mask as the module hands it on: what is added to the scores."""
    mask = given[name]
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=given["query"].dtype).masked_fill(mask, float("-inf"))
    return mask


def _inverted(name: str) -> Any:
    def change(given: dict[str, Any]) -> Tensor:
        mask = _added(name, given)
        return torch.zeros_like(mask).masked_fill(mask == 0, float("-inf"))

    return change


def _finite(name: str) -> Any:
    return lambda given: _added(name, given).clamp(min=FULL)


def _scaled(factor: float) -> dict[str, Any]:
    """The scores times ``factor``, by the queries' projection."""

    def change(name: str) -> Any:
        def scale(given: dict[str, Any]) -> Any:
            if given[name] is None:
                return None
            query, *rest = given[name].chunk(3)
            return torch.cat([query * factor, *rest])

        return scale

    return {name: change(name) for name in ("in_proj_weight", "in_proj_bias")}


def _heads_last(heads: int) -> dict[str, Any]:
    def rows(one: Tensor) -> Tensor:
        return one.reshape(-1, heads, *one.shape[1:]).transpose(0, 1).reshape(one.shape)

    def packed(name: str) -> Any:
        return lambda given: torch.cat([rows(one) for one in given[name].chunk(3)]) if given[name] is not None else None

    return {
        "in_proj_weight": packed("in_proj_weight"),
        "in_proj_bias": packed("in_proj_bias"),
        "out_proj_weight": lambda given: rows(given["out_proj_weight"].T).T,
    }


FAMILIES: dict[str, Family] = {"multi_head_attention_forward": multi}
