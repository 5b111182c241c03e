"""Recurrent layers and cells: the order of the gates, their two biases, the initial state, the directions."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, value
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
GATES = {"lstm": "ifgo", "gru": "rzn"}
# Orders that other frameworks pack the gates in, before the rest.
_KNOWN = {"lstm": ("igfo", "ifog", "ifco", "fiog", "iofg"), "gru": ("zrn",)}
Parameters = list[Tensor]
Reparametrised = Callable[[Parameters], Parameters]


def _changed(change: Reparametrised) -> Replacement:
    """The call with the weights and biases of every layer and direction changed: (w_ih, w_hh, b_ih, b_hh)."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        if func.__name__.endswith("_cell"):
            return func(*args[:2], *change(list(args[2:])), **kwargs)
        given = bound(func, args, kwargs)
        flat, size = given["params"], 4 if given["has_biases"] else 2
        layers = [list(flat[start : start + size]) for start in range(0, len(flat), size)]
        return altered(params=[tensor for layer in layers for tensor in change(layer)])(func, args, kwargs)

    return replacement


def ideas(view: View) -> Iterator[Idea]:
    """Of an LSTM, a GRU or a plain recurrent layer, or a cell of one."""
    kind = view.call.name.removesuffix("_cell")
    cell = kind != view.call.name
    biased = bool(view.given.get("b_ih") is not None if cell else view.given["has_biases"])
    if kind in GATES:
        yield from _orders(kind)
    if kind == "gru":
        yield from _gated(biased)
    if biased:
        for place, word in ((3, "hidden"), (2, "input")):
            yield value(f"{word} bias", "learnt", "none", _changed(_without(place)), DEFAULT)
        yield value("bias", "learnt", "none", _changed(_without(2, 3)))
        if kind == "lstm":
            yield value("forget bias", "as learnt", "plus 1", _changed(_forgetting))
    turned = _changed(_transposed(len(GATES.get(kind, "h"))))
    yield value("transposed", "each gate's recurrent weight (out, in)", "transposed", turned)
    if not cell:
        yield from _sequences(view)


def _orders(kind: str) -> Iterator[Idea]:
    own = GATES[kind]
    every = ["".join(order) for order in permutations(own)][1:]
    known = [order for order in _KNOWN[kind] if order in every]
    for order in dict.fromkeys([*known, *every]):
        rank = USUAL if order in known else POSSIBLE
        yield value("gate order", own, order, _changed(_ordered(own, order)), rank)


def _ordered(own: str, order: str) -> Reparametrised:
    """The port reads the packed blocks as ``order``: what it calls the first gate is the block that torch calls so."""

    def packed(tensor: Tensor) -> Tensor:
        blocks = tensor.chunk(len(own))
        return torch.cat([blocks[order.index(gate)] for gate in own])

    return lambda parameters: [packed(tensor) for tensor in parameters]


def _without(*places: int) -> Reparametrised:
    return lambda own: [torch.zeros_like(tensor) if place in places else tensor for place, tensor in enumerate(own)]


def _forgetting(own: Parameters) -> Parameters:
    size = own[3].shape[0] // 4
    moved = own[3].clone()
    moved[size : 2 * size] += 1
    return [*own[:3], moved]


def _transposed(gates: int) -> Reparametrised:
    return lambda own: [own[0], torch.cat([block.T for block in own[1].chunk(gates)]), *own[2:]]


def _gated(biased: bool) -> Iterator[Idea]:
    """A GRU's candidate, and which of old and new the update gate keeps."""
    for word, outside in (("none", False), ("outside", True)) if biased else ():
        yield value("b_hn", "inside the reset gate", word, _changed(partial(_candidate, outside)), DEFAULT)
    yield value(
        "update gate",
        "keeps the old state",
        "keeps the new",
        _changed(_inverted),
        USUAL,
        "the update gate keeps the new state in the port, the old one in the reference",
    )


def _candidate(outside: bool, own: Parameters) -> Parameters:
    bias, hidden = own[2].clone(), own[3].clone()
    size = bias.shape[0] // 3
    if outside:
        bias[2 * size :] += hidden[2 * size :]
    hidden[2 * size :] = 0
    return [*own[:2], bias, hidden]


def _inverted(own: Parameters) -> Parameters:
    parts = [tensor.chunk(3) for tensor in own]
    return [torch.cat([reset, -update, new]) for reset, update, new in parts]


def _sequences(view: View) -> Iterator[Idea]:
    given = view.given
    if "batch_first" not in given or not isinstance(given["hx"], Described | tuple | list):
        return  # packed sequences
    time = 1 if given["batch_first"] else 0
    if len(view.shape) == 3:
        yield value("batch_first", bool(time), not time, _exchanged, POSSIBLE)
        yield value("direction", "forwards", "backwards", _reversed(time), POSSIBLE)
    zero = altered(hx=lambda own: _states(torch.zeros_like, own["hx"]))
    yield value("initial state", "given", "zero", zero, POSSIBLE)
    if given["bidirectional"]:
        turned = _directions(lambda forwards, backwards: (forwards, backwards.flip(time)))
        yield value("keep_order", "turned back", "as computed", turned, DEFAULT)
        exchanged = _directions(lambda forwards, backwards: (backwards, forwards))
        yield value("direction", "(forwards, backwards)", "(backwards, forwards)", exchanged, RARE)


def _states(function: Callable[[Tensor], Tensor], states: Any) -> Any:
    return tuple(map(function, states)) if isinstance(states, tuple | list) else function(states)


def _exchanged(func: Function, args: tuple, kwargs: dict) -> Any:
    """As many first states as there are rows then: each is that of the first row, mostly zero."""
    given = bound(func, args, kwargs)
    rows = given["input"].shape[1 if given["batch_first"] else 0]
    fresh = _states(lambda state: state[:, :1].expand(-1, rows, -1).contiguous(), given["hx"])
    return altered(hx=fresh, batch_first=not given["batch_first"])(func, args, kwargs)


def _reversed(time: int) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        out, *rest = func(args[0].flip(time), *args[1:], **kwargs)
        return (out.flip(time), *rest)

    return replacement


def _directions(function: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Replacement:
    """What the two directions make, changed before they are joined."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        out, *rest = func(*args, **kwargs)
        return (torch.cat(function(*out.chunk(2, -1)), -1), *rest)

    return replacement


KINDS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
FAMILIES: dict[str, Family] = dict.fromkeys([*KINDS, *(f"{kind}_cell" for kind in KINDS)], ideas)
