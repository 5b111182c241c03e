"""Recurrent layers and cells: the order of the gates, their two biases, the initial state, the directions."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View

Tensor = torch.Tensor
GATES = {"lstm": "ifgo", "gru": "rzn"}
# Orders that other frameworks pack the gates in, before the rest.
_KNOWN = {"lstm": ("igfo", "ifog", "ifco", "fiog", "iofg"), "gru": ("zrn",)}
Parameters = list[Tensor]


def _changed(change: Callable[[Parameters], Parameters]) -> Any:
    """The call with the weights and biases of every layer and direction changed: (w_ih, w_hh, b_ih, b_hh)."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        if func.__name__.endswith("_cell"):
            return func(*args[:2], *change(list(args[2:])), **kwargs)
        place = next(n for n, one in enumerate(args) if isinstance(one, list))
        flat, biased = args[place], args[place + 1]
        size = 4 if biased else 2
        made: Parameters = []
        for start in range(0, len(flat), size):
            made += change(list(flat[start : start + size]))
        return func(*args[:place], made, *args[place + 1 :], **kwargs)

    return replacement


def ideas(view: View) -> Iterator[Idea]:
    """Of an LSTM, a GRU or a plain recurrent layer, or a cell of one."""
    kind = view.call.name.removesuffix("_cell")
    biased = _biased(view)
    if kind in GATES:
        yield from _orders(kind)
    if kind == "gru":
        yield from _gated(biased)
    if biased:
        for place, word in ((3, "hidden"), (2, "input")):
            yield Idea(f"{word} bias", "learnt", "none", f"the port leaves out the {word} bias (b_{word[0]}h)",
                       f"no {word} bias", _changed(_without(place)), DEFAULT)  # fmt: skip
        yield Idea("bias", "learnt", "none", "the port leaves out both biases", "no biases",
                   _changed(lambda own: [*own[:2], *(torch.zeros_like(one) for one in own[2:])]), USUAL)  # fmt: skip
        if kind == "lstm":
            yield Idea("forget bias", "as learnt", "plus 1", "the port adds 1 to the bias of the forget gate",
                       "forget bias plus 1", _changed(_forgetting), USUAL)  # fmt: skip
    yield Idea("transposed", "(out, in)", "transposed", "the port uses each gate's recurrent weight without "
               "transposing it", "recurrent weight transposed", _changed(_transposed(len(GATES.get(kind, "h")))),
               USUAL)  # fmt: skip
    if kind == view.call.name:
        yield from _sequences(view)


def _biased(view: View) -> bool:
    args = view.call.args
    if view.call.name.endswith("_cell"):
        return len(args) > 4 and args[4] is not None
    place = next((n for n, one in enumerate(args) if isinstance(one, list)), None)
    return place is not None and bool(args[place + 1])


def _orders(kind: str) -> Iterator[Idea]:
    own = GATES[kind]
    every = ["".join(order) for order in permutations(own)][1:]
    known = [one for one in _KNOWN[kind] if one in every]
    for order in dict.fromkeys([*known, *every]):
        text = f"the port takes the gates in the order {', '.join(order)}, the reference packs {', '.join(own)}"
        yield Idea("gate order", own, order, text, f"gate order {order}", _changed(_ordered(own, order)),
                   USUAL if order in known else POSSIBLE)  # fmt: skip


def _ordered(own: str, order: str) -> Callable[[Parameters], Parameters]:
    """The port reads the packed blocks as ``order``: what it calls the first gate is the block that torch calls so."""

    def change(parameters: Parameters) -> Parameters:
        made = []
        for one in parameters:
            blocks = one.chunk(len(own))
            made.append(torch.cat([blocks[order.index(gate)] for gate in own]))
        return made

    return change


def _without(place: int) -> Callable[[Parameters], Parameters]:
    return lambda own: [torch.zeros_like(one) if n == place else one for n, one in enumerate(own)]


def _forgetting(own: Parameters) -> Parameters:
    size = own[3].shape[0] // 4
    moved = own[3].clone()
    moved[size : 2 * size] += 1
    return [*own[:3], moved]


def _transposed(gates: int) -> Callable[[Parameters], Parameters]:
    return lambda own: [own[0], torch.cat([one.T for one in own[1].chunk(gates)]), *own[2:]]


def _gated(biased: bool) -> Iterator[Idea]:
    """A GRU's candidate, and which of old and new the update gate keeps."""
    if biased:
        yield Idea("b_hn", "inside the reset gate", "none", "the port has no bias b_hn in the "
                   "candidate", "no b_hn", _changed(lambda own: _candidate(own, False)), DEFAULT)  # fmt: skip
        yield Idea("b_hn", "inside the reset gate", "outside", "the port adds the bias b_hn outside "
                   "the reset gate", "b_hn outside the reset gate", _changed(lambda own: _candidate(own, True)),
                   DEFAULT)  # fmt: skip
    yield Idea("update gate", "keeps the old state", "keeps the new", "the port's update gate keeps the candidate, the "
               "reference's the old state", "update gate inverted", _changed(_inverted), USUAL)  # fmt: skip


def _candidate(own: Parameters, outside: bool) -> Parameters:
    weights, bias, hidden = own[:2], own[2].clone(), own[3].clone()
    size = bias.shape[0] // 3
    if outside:
        bias[2 * size :] += hidden[2 * size :]
    hidden[2 * size :] = 0
    return [*weights, bias, hidden]


def _inverted(own: Parameters) -> Parameters:
    made = []
    for one in own:
        reset, update, new = one.chunk(3)
        made.append(torch.cat([reset, -update, new]))
    return made


def _sequences(view: View) -> Iterator[Idea]:
    args = view.call.args
    both = bool(args[7]) if len(args) > 7 and isinstance(args[7], bool) else False
    time = 1 if len(args) > 8 and args[8] is True else 0
    first = view.first
    if first is not None and len(first.shape) == 3:
        yield Idea("batch_first", "0" if time else "1", "1" if time else "0", "the port runs over the other axis of "
                   "the sequence", "batch and time exchanged", _exchanged, POSSIBLE)  # fmt: skip
        yield Idea("direction", "forwards", "backwards", "the port runs through the sequence backwards",
                   "sequence reversed", _reversed(time), POSSIBLE)  # fmt: skip
    if isinstance(args[1], Described | tuple | list):
        yield Idea("initial state", "given", "zero", "the port starts from zero", "initial state zero", _from_zero,
                   POSSIBLE)  # fmt: skip
    if both:
        yield Idea("keep_order", "turned back", "as computed", "the port does not turn back what the backward "
                   "direction makes", "backward direction not turned back", _not_turned(time), DEFAULT)  # fmt: skip
        yield Idea("direction", "(forwards, backwards)", "(backwards, forwards)", "the port joins the directions "
                   "in the other order", "directions exchanged", _other_first, RARE)  # fmt: skip


def _exchanged(func: Any, args: tuple, kwargs: dict) -> Any:
    """As many first states as there are rows then: each is that of the first row, mostly zero."""
    x, states = args[0], args[1] if isinstance(args[1], tuple | list) else (args[1],)
    rows = x.shape[1 if args[-1] else 0]
    fresh = [one[:, :1].expand(-1, rows, -1).contiguous() for one in states]
    given = tuple(fresh) if isinstance(args[1], tuple | list) else fresh[0]
    out, *rest = func(x, given, *args[2:-1], not args[-1], **kwargs)
    return (out, *rest)


def _reversed(time: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        out, *rest = func(args[0].flip(time), *args[1:], **kwargs)
        return (out.flip(time), *rest)

    return replacement


def _from_zero(func: Any, args: tuple, kwargs: dict) -> Any:
    state = args[1]
    zero = [torch.zeros_like(one) for one in state] if isinstance(state, tuple | list) else torch.zeros_like(state)
    return func(args[0], zero, *args[2:], **kwargs)


def _not_turned(time: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        out, *rest = func(*args, **kwargs)
        forwards, backwards = out.chunk(2, -1)
        return (torch.cat((forwards, backwards.flip(time)), -1), *rest)

    return replacement


def _other_first(func: Any, args: tuple, kwargs: dict) -> Any:
    out, *rest = func(*args, **kwargs)
    return (torch.cat(out.chunk(2, -1)[::-1], -1), *rest)


_KINDS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
FAMILIES: dict[str, Family] = dict.fromkeys([*_KINDS, *(f"{kind}_cell" for kind in _KINDS)], ideas)
