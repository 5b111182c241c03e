"""Linear layers, products and embeddings: how a matrix lies, and which of its parts comes first."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, computed, value
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
Reorder = Callable[[Tensor], Tensor]
_PACKED = "order of the packed weight"
_HEADS = ("num_heads", "n_heads", "n_head", "heads", "nhead", "num_attention_heads")


def ideas(view: View) -> Iterator[Idea]:
    """Of a linear layer: its weight lying otherwise."""
    rows, columns = view.given["weight"].shape[:2]
    if rows == columns:
        text = "the port uses the square weight without transposing it"
        turned = altered(weight=lambda own: own["weight"].T)
        yield Idea("transposed", "(out, in)", "transposed", turned, DEFAULT, text)
    for parts in (2, 3):
        for order in list(permutations(range(parts)))[1:] if rows % parts == 0 and rows > parts else ():
            rank = USUAL if rows == parts * columns else RARE
            yield value(_PACKED, str(tuple(range(parts))), str(order), _rows(blocks_in(order)), rank)
    layer = view.scene.reference_layer
    heads = next((own for name in _HEADS if isinstance(own := getattr(layer, name, None), int)), 0)
    for parts in (3, 2):
        if heads and rows % (parts * heads) == 0:
            own, other = f"{parts} x heads", f"heads x {parts}"
            yield value(_PACKED, own, other, _rows(_exchanged(heads, parts)))
            yield value(_PACKED, other, own, _rows(_exchanged(parts, heads)))
    for side, size, change in (("outputs", rows, _rows), ("inputs", columns, _columns)):
        if size > 1:
            yield value("weight", "as it is", f"{side} reversed", change(lambda tensor: tensor.flip(0)), RARE)
    if columns % 2 == 0:
        halves = _columns(lambda tensor: tensor.roll(len(tensor) // 2, 0))
        yield value("inputs' order", "(first, second half)", "(second, first half)", halves, POSSIBLE)


def blocks_in(order: tuple[int, ...]) -> Reorder:
    """A function that takes the equal blocks of a tensor's first axis in another order."""

    def reorder(tensor: Tensor) -> Tensor:
        blocks = tensor.chunk(len(order), 0)
        return torch.cat([blocks[place] for place in order])

    return reorder


def _exchanged(outer: int, inner: int) -> Reorder:
    def reorder(tensor: Tensor) -> Tensor:
        split = tensor.reshape(outer, inner, -1, *tensor.shape[1:])
        return split.transpose(0, 1).reshape(tensor.shape)

    return reorder


def _rows(function: Reorder) -> Replacement:
    return altered(
        weight=lambda own: function(own["weight"]),
        bias=lambda own: function(own["bias"]) if own["bias"] is not None else None,
    )


def _columns(function: Reorder) -> Replacement:
    return altered(weight=lambda own: function(own["weight"].T).T)


def product(view: View) -> Iterator[Idea]:
    """Of a matrix product: either side transposed where it is square, and the two exchanged."""
    shapes: list[tuple[int, ...]] = [getattr(given, "shape", ()) for given in view.call.args[:2]]
    square = [len(shape) >= 2 and shape[-1] == shape[-2] > 1 for shape in shapes]
    for place, word in ((1, "second"), (0, "first")) if len(shapes) == 2 else ():
        if square[place]:
            text = f"the port transposes the {word} factor of a product"
            yield value("transposed", "as it is", f"{word} factor transposed", _transposed(place), USUAL, text)
    if len(shapes) == 2 and shapes[0] == shapes[1] and square[0]:
        yield value("product", "a @ b", "b @ a", _other_way_round, POSSIBLE)


def _other_way_round(func: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    return func(args[1], args[0], **kwargs)


def _transposed(place: int) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        turned = [given.transpose(-1, -2) if here == place else given for here, given in enumerate(args)]
        return func(*turned, **kwargs)

    return replacement


def embedding(view: View) -> Iterator[Idea]:
    """Of an embedding: shifted, its padding row."""
    padding, rows = view.given["padding_idx"], view.given["weight"].shape[0]
    row = 0 if padding is None else padding
    yield value("padding_idx", f"row {row} as learnt", "zero", computed(lambda own: _row_zeroed(own, row % rows)))
    for shift in (1, -1):
        moved = altered(input=lambda own, shift=shift: (own["input"] + shift) % rows)
        yield value("index", "i", f"i {shift:+d}", moved, POSSIBLE)


def _row_zeroed(given: Given, row: int) -> Tensor:
    taken = torch.nn.functional.embedding(given["input"], given["weight"])
    return taken * (given["input"] != row).unsqueeze(-1)


FAMILIES: dict[str, Family] = {
    "linear": ideas,
    **dict.fromkeys(("matmul", "bmm", "mm"), product),
    "embedding": embedding,
}
