"""Every quantity four times from the same values: each side at the working precision, each side in float64."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from compare.devices import Device
from compare.pair import Entering, Pair
from compare.precision import FLOAT64, Precision
from compare.verdict import Judgement, Verdict, judge
from compare.weights import Arrays

Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class SideError(Exception):
    """One side's model raised; ``side`` says whose, the message is its own, on one line."""

    def __init__(self, side: str, error: Exception) -> None:
        text = " ".join(str(error).split())
        super().__init__(f"the {side} raised {type(error).__name__}: {text}")
        self.side = side


class Quartet:
    """Both sides of one pair, each at ``precision`` on ``device`` and in float64 on ``oracle``."""

    def __init__(self, pair: Pair, precision: Precision, device: Device, oracle: Device) -> None:
        from compare.sides.port import PortSide
        from compare.sides.reference import ReferenceSide

        self.pair, self.precision = pair, precision
        self.reference = ReferenceSide(pair, precision, device.torch)
        self.port = PortSide(pair, precision, device.jax)
        self.reference_64 = ReferenceSide(pair, FLOAT64, oracle.torch)
        self.port_64 = PortSide(pair, FLOAT64, oracle.jax)

    def run(self, entering: Entering) -> tuple[Arrays, Arrays, Arrays, Arrays]:
        """Outputs, loss and gradients of the four runs, in the order the judge takes them."""
        t, t64 = self.run_reference(entering)
        j, j64 = self.run_port(entering)
        return t, j, t64, j64

    def run_reference(self, entering: Entering) -> tuple[Arrays, Arrays]:
        return _both("reference", self.reference.run, self.reference_64.run, entering)

    def run_port(self, entering: Entering) -> tuple[Arrays, Arrays]:
        return _both("port", self.port.run, self.port_64.run, entering)

    def steps_reference(self, entering: Entering) -> tuple[Arrays, Arrays]:
        """Losses and updates of every training step, under the names ``steps_named`` gives them."""
        taken = _both("reference", self.reference.steps, self.reference_64.steps, entering)
        return steps_named(taken[0]), steps_named(taken[1])

    def steps_port(self, entering: Entering) -> tuple[Arrays, Arrays]:
        taken = _both("port", self.port.steps, self.port_64.steps, entering)
        return steps_named(taken[0]), steps_named(taken[1])

    def run_by_hand(self, entering: Entering) -> tuple[Arrays, Arrays]:
        """The same names from the derivation in NumPy, at the working precision and in float64."""
        assert self.pair.by_hand is not None
        weights, batch = entering.weights, entering.batches[0]
        wide = replace(batch, inputs=_widen(batch.inputs), targets=_widen(batch.targets))
        return self.pair.by_hand(weights, batch), self.pair.by_hand(_widen(weights), wide)

    def judge(self, t: Arrays, j: Arrays, t64: Arrays, j64: Arrays) -> dict[str, Judgement]:
        """The judgement on every quantity that any of the four runs has, in the reference's order."""
        names = dict.fromkeys([*t64, *j64])
        return {name: self._judge_one(name, t, j, t64, j64) for name in names}

    def _judge_one(self, name: str, *runs: Arrays) -> Judgement:
        if not all(name in run for run in runs):
            owner = "reference" if name in runs[2] else "port"
            return Judgement(Verdict.INVALID, reason=f"only the {owner} has it")
        t, j, t64, j64 = (run[name] for run in runs)
        return judge(t, j, t64, j64, self.precision)


def steps_named(taken: list[Arrays]) -> Arrays:
    """Step 1 as ``update/<parameter>``, later steps as ``step2/loss`` and ``step2/update/<parameter>``.

    The first step's loss is the loss that the gradient check has judged already.
    """
    first = {name: array for name, array in taken[0].items() if name != "loss"} if taken else {}
    later = {f"step{i}/{name}": array for i, step in enumerate(taken[1:], start=2) for name, array in step.items()}
    return first | later


def _widen(arrays: Arrays) -> Arrays:
    """The same values, rounded to the working precision already, held in float64."""
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()}


def _both(side: str, at_p: Callable, at_64: Callable, entering: Entering) -> tuple[Any, Any]:
    try:
        return at_p(entering), at_64(entering)
    except Exception as error:  # whatever a user's model raises is its own; it is named, not swallowed
        raise SideError(side, error) from error
