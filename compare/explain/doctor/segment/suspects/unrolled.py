"""Recurrent layers step by step, so that their activations and first states can be others than torch's."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.doctor.segment.ideas import POSSIBLE, RARE, USUAL, Family, Idea, View

Tensor = torch.Tensor
Function = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, tuple[Tensor, ...], list[Tensor]], tuple[Tensor, ...]]


def lstm_step(gate: Function = torch.sigmoid, cell: Function = torch.tanh) -> Step:
    """One step of torch's LSTM: (x, (h, c), (w_ih, w_hh, b_ih, b_hh)) -> (h, c)."""

    def step(x: Tensor, state: tuple[Tensor, ...], own: list[Tensor]) -> tuple[Tensor, ...]:
        i, f, g, o = (F.linear(x, own[0], _bias(own, 2)) + F.linear(state[0], own[1], _bias(own, 3))).chunk(4, -1)
        c = gate(f) * state[1] + gate(i) * cell(g)
        return gate(o) * cell(c), c

    return step


def gru_step(gate: Function = torch.sigmoid, cell: Function = torch.tanh, before: bool = False) -> Step:
    """One step of torch's GRU; ``before``: the reset gate is applied to the state, not to its product."""

    def step(x: Tensor, state: tuple[Tensor, ...], own: list[Tensor]) -> tuple[Tensor, ...]:
        h = state[0]
        ri, zi, ni = F.linear(x, own[0], _bias(own, 2)).chunk(3, -1)
        rh, zh, nh = F.linear(h, own[1], _bias(own, 3)).chunk(3, -1)
        reset, update = gate(ri + rh), gate(zi + zh)
        if before:
            bias = _bias(own, 3)
            nh = F.linear(reset * h, own[1].chunk(3)[2], None if bias is None else bias.chunk(3)[2])
        return ((1 - update) * cell(ni + (nh if before else reset * nh)) + update * h,)

    return step


def plain_step(cell: Function) -> Step:
    """One step of a plain recurrent layer."""
    return lambda x, state, own: (cell(F.linear(x, own[0], _bias(own, 2)) + F.linear(state[0], own[1], _bias(own, 3))),)


def _bias(own: list[Tensor], place: int) -> Tensor | None:
    return own[place] if len(own) > place else None


def unrolled(step: Step, start: float | None = None, carried: Function = lambda state: state) -> Any:
    """The call by ``step``: a cell, or layers in one direction or both.

    ``start`` is added to every entry of the first state; ``carried`` is what becomes of a state before each step.

    Raises:
        NotImplementedError: for packed sequences and projections.
    """

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        if func.__name__.endswith("_cell"):
            states = args[1] if isinstance(args[1], tuple | list) else (args[1],)
            made = step(args[0], tuple(states), list(args[2:]))
            return made if len(made) > 1 else made[0]
        if not isinstance(args[2], list):
            raise NotImplementedError

        def taking(x: Tensor, state: tuple[Tensor, ...], own: list[Tensor]) -> tuple[Tensor, ...]:
            return step(x, tuple(carried(one) for one in state), own)

        x, given, flat, biased, layers, _, _, both, first = args
        states = [one if start is None else one + start for one in (given if isinstance(given, tuple | list) else
                                                                    (given,))]  # fmt: skip
        directions, size = 2 if both else 1, 4 if biased else 2
        if len(flat) != layers * directions * size:
            raise NotImplementedError
        steps = x.transpose(0, 1) if first else x
        ends = []
        for layer in range(layers):
            outs: list[torch.Tensor] = []
            for direction in range(directions):
                at = layer * directions + direction
                out, end = _run(
                    taking, steps, [one[at] for one in states], flat[at * size : (at + 1) * size], direction
                )
                outs.append(out)
                ends.append(end)
            steps = torch.cat(outs, -1)
        last = tuple(torch.stack([end[part] for end in ends]) for part in range(len(states)))
        out = steps.transpose(0, 1) if first else steps
        return (out, *last)

    return replacement


def _run(step: Step, steps: Tensor, state: list[Tensor], own: list[Tensor], direction: int) -> Any:
    outs = []
    now: tuple[Tensor, ...] = tuple(state)
    for x in steps.flip(0) if direction else steps:
        now = step(x, now, own)
        outs.append(now[0])
    made = torch.stack(outs)
    return made.flip(0) if direction else made, now


HARD: dict[str, Function] = {
    "hard sigmoid": F.hardsigmoid,
    "hard sigmoid, clip(0.2 x + 0.5)": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
}
GATES: dict[str, Function] = {**HARD, "tanh": torch.tanh, "ReLU": F.relu}
CELLS: dict[str, Function] = {"sigmoid": torch.sigmoid, "ReLU": F.relu, "none": lambda x: x, "GELU": F.gelu}
_KINDS = {"lstm": lstm_step, "gru": gru_step}


def activations(view: View) -> Iterator[Idea]:
    """Of a recurrent layer: other activations of its gates, or of its candidate and state."""
    kind = view.call.name.removesuffix("_cell")
    if kind.startswith("rnn"):
        own = "tanh" if kind == "rnn_tanh" else "ReLU"
        for word, function in ({"tanh": torch.tanh} | CELLS).items():
            if word != own:
                yield _other(own, word, "", unrolled(plain_step(function)), USUAL)
        return
    made = _KINDS[kind]
    for word, function in GATES.items():
        yield _other("sigmoid", word, " in its gates", unrolled(made(gate=function)),
                     USUAL if word in HARD else POSSIBLE)  # fmt: skip
    for word, function in CELLS.items():
        yield _other("tanh", word, " in its candidate", unrolled(made(cell=function)), POSSIBLE)
    if kind == "gru":
        yield Idea("reset gate", "after the product", "before the product", "the port applies the reset gate to the "
                   "state, the reference to its product", "reset before the product",
                   unrolled(gru_step(before=True)), USUAL)  # fmt: skip


def _other(own: str, word: str, where: str, replacement: Any, rank: int) -> Idea:
    return Idea("activation", own, word, f"the port has {word}{where} where the reference has {own}",
                f"{word}{where}", replacement, rank)  # fmt: skip


def starts(view: View) -> Iterator[Idea]:
    """Of a recurrent layer: a first state of ones."""
    kind = view.call.name
    if not kind.endswith("_cell"):
        step = starting(kind)
        yield Idea("initial state", "0", "1", "the port's first state is 1 in every entry, the reference's 0",
                   "initial state 1", step(1.0), RARE)  # fmt: skip


def starting(kind: str) -> Callable[[float], Any]:
    """The call with a number added to every entry of the first state."""
    return lambda number: unrolled(_own(kind), number)


def truncated(kind: str) -> Any:
    """The call with the gradient stopped between its steps."""
    return unrolled(_own(kind), carried=lambda state: state.detach())


def _own(kind: str) -> Step:
    return _KINDS[kind]() if kind in _KINDS else plain_step(torch.tanh if kind == "rnn_tanh" else F.relu)


def ideas(view: View) -> Iterator[Idea]:
    """Of a recurrent layer or a cell, all that takes its steps apart."""
    yield from activations(view)
    yield from starts(view)


_NAMES = ("lstm", "gru", "rnn_tanh", "rnn_relu")
FAMILIES: dict[str, Family] = dict.fromkeys([*_NAMES, *(f"{name}_cell" for name in _NAMES)], ideas)
