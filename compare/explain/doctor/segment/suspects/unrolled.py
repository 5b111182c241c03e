"""Recurrent layers step by step, so that their activations and first states can be others than torch's."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, value
from compare.explain.doctor.segment.suspects.recurrent import KINDS
from compare.explain.doctor.thresholds import POSSIBLE, USUAL

Tensor = torch.Tensor
Activation = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, tuple[Tensor, ...], list[Tensor]], tuple[Tensor, ...]]


def lstm_step(gate: Activation = torch.sigmoid, cell: Activation = torch.tanh) -> Step:
    """One step of torch's LSTM: (x, (h, c), (w_ih, w_hh, b_ih, b_hh)) -> (h, c)."""

    def step(x: Tensor, state: tuple[Tensor, ...], own: list[Tensor]) -> tuple[Tensor, ...]:
        i, f, g, o = (F.linear(x, own[0], _bias(own, 2)) + F.linear(state[0], own[1], _bias(own, 3))).chunk(4, -1)
        c = gate(f) * state[1] + gate(i) * cell(g)
        return gate(o) * cell(c), c

    return step


def gru_step(gate: Activation = torch.sigmoid, cell: Activation = torch.tanh, before: bool = False) -> Step:
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


def plain_step(cell: Activation) -> Step:
    """One step of a plain recurrent layer."""
    return lambda x, state, own: (cell(F.linear(x, own[0], _bias(own, 2)) + F.linear(state[0], own[1], _bias(own, 3))),)


def _bias(own: list[Tensor], place: int) -> Tensor | None:
    return own[place] if len(own) > place else None


def unrolled(step: Step, start: float | None = None, carried: Activation = lambda state: state) -> Replacement:
    """The call by ``step``: a cell, or layers in one direction or both.

    ``start`` is added to every entry of the first state; ``carried`` is what becomes of a state before each step.

    Raises:
        NotImplementedError: for packed sequences and projections.
    """

    def taking(x: Tensor, state: tuple[Tensor, ...], own: list[Tensor]) -> tuple[Tensor, ...]:
        return step(x, tuple(carried(part) for part in state), own)

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        if func.__name__.endswith("_cell"):
            states = args[1] if isinstance(args[1], tuple | list) else (args[1],)
            after = step(args[0], tuple(states), list(args[2:]))
            return after if len(after) > 1 else after[0]
        given = bound(func, args, kwargs)
        flat, size, directions = given["params"], 4 if given["has_biases"] else 2, 2 if given["bidirectional"] else 1
        if "batch_sizes" in given or len(flat) != given["num_layers"] * directions * size:
            raise NotImplementedError
        first = given["hx"] if isinstance(given["hx"], tuple | list) else (given["hx"],)
        states = [state if start is None else state + start for state in first]
        steps = given["input"].transpose(0, 1) if given["batch_first"] else given["input"]
        ends = []
        for layer in range(given["num_layers"]):
            outs: list[Tensor] = []
            for direction in range(directions):
                at = layer * directions + direction
                own = flat[at * size : (at + 1) * size]
                out, end = _run(taking, steps, [state[at] for state in states], own, direction)
                outs.append(out)
                ends.append(end)
            steps = torch.cat(outs, -1)
        last = tuple(torch.stack([end[part] for end in ends]) for part in range(len(states)))
        return (steps.transpose(0, 1) if given["batch_first"] else steps, *last)

    return replacement


def _run(step: Step, steps: Tensor, state: list[Tensor], own: list[Tensor], direction: int) -> Any:
    outs = []
    now: tuple[Tensor, ...] = tuple(state)
    for x in steps.flip(0) if direction else steps:
        now = step(x, now, own)
        outs.append(now[0])
    out = torch.stack(outs)
    return out.flip(0) if direction else out, now


HARD: dict[str, Activation] = {
    "hard sigmoid": F.hardsigmoid,
    "hard sigmoid, clip(0.2 x + 0.5)": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
}
GATES: dict[str, Activation] = {**HARD, "tanh": torch.tanh, "ReLU": F.relu}
CELLS: dict[str, Activation] = {"sigmoid": torch.sigmoid, "ReLU": F.relu, "none": lambda x: x, "GELU": F.gelu}
_STEPS: dict[str, Any] = {"lstm": lstm_step, "gru": gru_step}


def ideas(view: View) -> Iterator[Idea]:
    """Of a recurrent layer or a cell: other activations of its gates, or of its candidate."""
    kind = view.call.name.removesuffix("_cell")
    if kind.startswith("rnn"):
        own = "tanh" if kind == "rnn_tanh" else "ReLU"
        for word, function in ({"tanh": torch.tanh} | CELLS).items():
            if word != own:
                yield value("activation", own, word, unrolled(plain_step(function)))
    else:
        steps = _STEPS[kind]
        for word, function in GATES.items():
            rank = USUAL if word in HARD else POSSIBLE
            yield _other("sigmoid", word, "its gates", unrolled(steps(gate=function)), rank)
        for word, function in CELLS.items():
            yield _other("tanh", word, "its candidate", unrolled(steps(cell=function)), POSSIBLE)
    if kind == "gru":
        yield value("reset gate", "after the product", "before the product", unrolled(gru_step(before=True)))


def _other(own: str, word: str, where: str, replacement: Replacement, rank: int) -> Idea:
    text = f"the port has {word} in {where} where the reference has {own}"
    return Idea("activation", own, word, replacement, rank, text, f"{word} in {where}")


def starting(kind: str) -> Callable[[float], Replacement]:
    """The call with a number added to every entry of the first state."""
    return lambda number: unrolled(_own(kind), number)


def truncated(kind: str) -> Replacement:
    """The call with the gradient stopped between its steps."""
    return unrolled(_own(kind), carried=lambda state: state.detach())


def _own(kind: str) -> Step:
    step: Step = _STEPS[kind]() if kind in _STEPS else plain_step(torch.tanh if kind == "rnn_tanh" else F.relu)
    return step


FAMILIES: dict[str, Family] = dict.fromkeys([*KINDS, *(f"{kind}_cell" for kind in KINDS)], ideas)
