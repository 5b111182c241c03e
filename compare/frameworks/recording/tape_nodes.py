"""The tape as autograd's engine runs it: its nodes in that order, and what each saved from the forward pass."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.graph import Node
from torch.utils._pytree import tree_leaves

RAW, SAVED = "_raw_saved_", "_saved_"


@dataclass(frozen=True)
class Saved:
    """One tensor that a node holds under ``name``; None where a hook packed it, as a checkpoint's does: it is not kept.
    What a checkpoint makes it of again is kept, and comes after it."""

    name: str
    tensor: torch.Tensor | None


def engine_order(root: Node) -> list[Node]:
    """Every node that ``backward()`` from ``root`` runs, in order: of those whose users have all run the one that was
    recorded last; a leaf's, which is recorded nowhere, as soon as it can."""
    waiting: Counter[Node] = Counter()
    seen, stack = {root}, [root]
    while stack:
        for following in _following(stack.pop()):
            waiting[following] += 1
            if following not in seen:
                seen.add(following)
                stack.append(following)
    ready: list[tuple[int, int, Node]] = [(-number_of(root), 0, root)]
    order: list[Node] = []
    while ready:
        node = heapq.heappop(ready)[2]
        order.append(node)
        for following in _following(node):
            waiting[following] -= 1
            if not waiting[following]:
                heapq.heappush(ready, (-number_of(following), len(order) + len(ready), following))
    return order


def number_of(node: Node) -> int:
    """By which the engine sorts: the later a node was recorded, the larger; a leaf's is the largest that there is."""
    return node._sequence_nr()


def name_of_node(node: Node) -> str:
    """Its class, as a reader knows it."""
    return node.name().removeprefix("torch::autograd::")


def saved_by(node: Node) -> Iterator[Saved]:
    """The tensors that a node holds: those of its formula, those of a ``torch.autograd.Function``, and what that
    function's code left on its context."""
    for name in sorted(dir(node)):
        if not name.startswith(SAVED):
            continue
        raw = getattr(node, RAW + name.removeprefix(SAVED), None)
        yield from _each(name.removeprefix(SAVED), raw, lambda name=name: getattr(node, name))
    if hasattr(type(node), "saved_tensors"):
        own: Any = node
        yield from _each("saved_tensors", getattr(node, "_raw_saved_tensors", None), lambda: own.saved_tensors)
        for name, value in vars(node).items():
            for at, tensor in enumerate(_tensors(value)):
                yield Saved(name if isinstance(value, torch.Tensor) else f"{name}[{at}]", tensor)


def _each(name: str, raw: Any, value: Any) -> Iterator[Saved]:
    """What a field holds, not unpacked where a hook packed it: unpacking runs the hook."""
    several = isinstance(raw, list | tuple)
    for at, one in enumerate(raw if several else [raw]):
        label = f"{name}[{at}]" if several else name
        if (hook := getattr(one, "unpack_hook", None)) is not None:
            yield Saved(label, None)
            yield from (Saved(f"{label}, made again of", tensor) for tensor in _entered(hook))
            continue
        held = value()
        held = held[at] if several else held
        if isinstance(held, torch.Tensor):
            yield Saved(label, held)


def _entered(hook: Any) -> list[torch.Tensor]:
    """What a checkpoint's hook holds to run its part again: what entered it; nothing where torch keeps it elsewhere."""
    cells = _closure(hook)
    for frame in (*cells, *(inner for cell in cells for inner in _closure(cell))):
        if hasattr(frame, "get_inputs"):
            return tensors_in(frame.get_inputs())
        if getattr(frame, "input_saver", None) is not None:  # before torch 2.12
            return [one for one in tensors_in(frame.input_saver.grad_fn.saved_tensors) if one.numel()]
    return []


def _closure(function: Any) -> list[Any]:
    return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]


def tensors_in(tree: object) -> list[torch.Tensor]:
    """The tensors of a nest, in order."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _tensors(value: object) -> list[torch.Tensor]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, torch.Tensor)]


def _following(node: Node) -> list[Node]:
    return [following for following, _ in node.next_functions if following is not None]
