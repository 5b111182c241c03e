"""Linear layers, products and embeddings: how a matrix lies, and which of its parts comes first."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View, altered, computed

Tensor = torch.Tensor
_PARTS = {2: "halves", 3: "thirds"}


def ideas(view: View) -> Iterator[Idea]:
    """Of a linear layer: its bias, and its weight lying otherwise."""
    given = view.given
    weight, bias = given["weight"], given["bias"]
    if bias is not None:
        yield Idea("bias", "learnt", "none", "the port leaves out the bias", "no bias", altered("linear", bias=None),
                   DEFAULT)  # fmt: skip
    if weight.shape[0] == weight.shape[1]:
        yield Idea("transposed", "(out, in)", "transposed", "the port uses the square weight without transposing it",
                   "weight transposed", altered("linear", weight=lambda one: one["weight"].T), DEFAULT)  # fmt: skip
    yield from _packed(*weight.shape[:2])
    heads = _heads(view)
    for parts in (3, 2):
        if heads and weight.shape[0] % (parts * heads) == 0:
            yield from _interleaved(parts, heads)
    for side, dim in (("output", 0), ("input", 1)):
        if weight.shape[dim] > 1:
            yield Idea("weight", "as it is", f"{side}s reversed", f"the port has the weight's {side}s in reverse order",
                       f"weight's {side}s reversed", _rows(_flip) if dim == 0 else _columns(_flip), RARE)  # fmt: skip
    if weight.shape[1] % 2 == 0:
        yield Idea("inputs' order", "(first, second half)", "(second, first half)", "the port exchanges the halves of "
                   "what enters the layer", "halves of the input exchanged",
                   _columns(lambda one: one.roll(len(one) // 2, 0)), POSSIBLE)  # fmt: skip


def _flip(tensor: Tensor) -> Tensor:
    return tensor.flip(0)


def _packed(rows: int, columns: int) -> Iterator[Idea]:
    for parts, word in _PARTS.items():
        if rows % parts == 0 and rows > parts:
            rank = USUAL if rows == parts * columns else RARE
            for order in list(permutations(range(parts)))[1:]:
                yield Idea("order of the packed weight", str(tuple(range(parts))), str(order), f"the port takes the "
                           f"{word} of the packed weight in the order {order}", f"{word} in the order {order}",
                           _rows(_ordered(parts, order)), rank)  # fmt: skip


def _ordered(parts: int, order: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    def reorder(tensor: Tensor) -> Tensor:
        blocks = tensor.chunk(parts, 0)
        return torch.cat([blocks[one] for one in order])

    return reorder


def _interleaved(parts: int, heads: int) -> Iterator[Idea]:
    word = f"{parts} x heads"

    def per_head(tensor: Tensor) -> Tensor:
        split = tensor.reshape(heads, parts, -1, *tensor.shape[1:])
        return split.transpose(0, 1).reshape(tensor.shape)

    def whole(tensor: Tensor) -> Tensor:
        split = tensor.reshape(parts, heads, -1, *tensor.shape[1:])
        return split.transpose(0, 1).reshape(tensor.shape)

    for function, own, other in ((per_head, word, f"heads x {parts}"), (whole, f"heads x {parts}", word)):
        yield Idea("order of the packed weight", own, other, f"the packed weight is {other} in the port, {own} in the "
                   "reference", f"packed weight {other}", _rows(function), USUAL)  # fmt: skip


def _rows(function: Callable[[Tensor], Tensor]) -> Any:
    return altered(
        "linear",
        weight=lambda one: function(one["weight"]),
        bias=lambda one: function(one["bias"]) if one["bias"] is not None else None,
    )


def _columns(function: Callable[[Tensor], Tensor]) -> Any:
    return altered("linear", weight=lambda one: function(one["weight"].T).T)


def _heads(view: View) -> int:
    layer = view.scene.reference_layer
    for name in ("num_heads", "n_heads", "n_head", "heads", "nhead", "num_attention_heads"):
        if isinstance(heads := getattr(layer, name, None), int):
            return heads
    return 0


def product(view: View) -> Iterator[Idea]:
    """Of a matrix product: either side transposed where it is square, and the two exchanged."""
    shapes: list[tuple[int, ...]] = [getattr(one, "shape", ()) for one in view.call.args[:2]]
    if len(shapes) < 2:
        return
    for place, word in ((1, "second"), (0, "first")):
        shape = shapes[place]
        if len(shape) >= 2 and shape[-1] == shape[-2] > 1:
            yield Idea("transposed", "as it is", f"{word} factor transposed", f"the port transposes the {word} factor "
                       "of a product", f"{word} factor transposed", _transposed(place), USUAL)  # fmt: skip
    if len(shapes[0]) >= 2 and shapes[0] == shapes[1] and shapes[0][-1] == shapes[0][-2]:
        yield Idea("product", "a @ b", "b @ a", "the port exchanges the factors of a product", "factors exchanged",
                   lambda func, args, kwargs: func(args[1], args[0], **kwargs), POSSIBLE)  # fmt: skip


def _transposed(place: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        turned = [one.transpose(-1, -2) if number == place else one for number, one in enumerate(args)]
        return func(*turned, **kwargs)

    return replacement


def embedding(view: View) -> Iterator[Idea]:
    """Of an embedding: scaled, shifted, its padding row."""
    given = view.given
    width, rows = given["weight"].shape[1], given["weight"].shape[0]
    root = width**0.5
    for text, factor, short in (
        (f"multiplies the embedding by sqrt({width})", root, "embedding times sqrt(d)"),
        (f"divides the embedding by sqrt({width})", 1 / root, "embedding divided by sqrt(d)"),
    ):
        yield Idea("scale", "1", f"{factor:.6g}", f"the port {text}", short,
                   lambda func, args, kwargs, factor=factor: func(*args, **kwargs) * factor, USUAL)  # fmt: skip
    rows_at = [("padding row", given["padding_idx"])] if given["padding_idx"] is not None else [("row 0", 0)]
    for word, row in rows_at:
        zero = computed("embedding", partial(_zeroed, row))
        yield Idea("padding_idx", "as learnt", "zero", f"the port's {word} of the embedding is zero", f"{word} zero",
                   zero, USUAL)  # fmt: skip
    for shift in (1, -1):
        moved = altered("embedding", input=lambda one, shift=shift: (one["input"] + shift) % rows)
        yield Idea("index", "i", f"i {shift:+d}", f"the port looks up index i {shift:+d}", f"index {shift:+d}", moved,
                   POSSIBLE)  # fmt: skip


def _zeroed(row: int, given: dict[str, Any]) -> Tensor:
    found = torch.nn.functional.embedding(given["input"], given["weight"])
    return found * (given["input"] != row % given["weight"].shape[0]).unsqueeze(-1)


FAMILIES: dict[str, Family] = {
    "linear": ideas,
    **dict.fromkeys(("matmul", "bmm", "mm"), product),
    "embedding": embedding,
}
