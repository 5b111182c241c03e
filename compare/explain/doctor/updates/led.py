"""The reference led along the port's own trajectory, and run as a whole with another optimizer.

Forward pass and gradients agree, so the reference can tell what gradients the port's optimizer got: each step's
parameters are set to the port's. On those gradients any optimizer can be tried without the model, over all steps. What
closes the gap there is then confirmed by a run of the whole reference with that optimizer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
import torch

from compare.arrays.arrays import from_torch, parts
from compare.errors import swallowed
from compare.explain.doctor.gaps import WorstGap, gap_of
from compare.explain.doctor.thresholds import SAMPLE
from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.explain.doctor.updates.recorded_steps import Factory, Replay, Step, by_quantity, update_name
from compare.explain.doctor.updates.rules import OWN, Rules
from compare.pair.pair import Entering, Optimizers
from compare.sides.quartet import Quartet
from compare.sides.reference import ReferenceSide
from compare.sides.side import STEPS, Result, Run, SideError
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement


@dataclass(frozen=True)
class Retraining:
    """The reference with another optimizer: on the recorded steps, and as a whole."""

    quartet: Quartet
    entering: Entering
    port: Run
    judgements: Mapping[str, Judgement]
    replay: Replay

    def own(self, parameters: list[torch.Tensor]) -> Any:
        """The reference's own optimizer."""
        training = self.quartet.pair.training()
        assert training is not None
        return training.reference(parameters, **self.entering.hyper)

    def by(self, rules: Rules, norms: Sequence[float] | None = None) -> Factory:
        """An optimizer that follows rules. ``norms``: of all gradients, where it gets only rows of them."""
        behind = any(rule.family == OWN for rule in rules)
        return lambda given: RuleOptimizer(given, rules, self.own(given) if behind else None, norms)

    def updates_by(self, rules: Rules) -> list[Step]:
        """The updates that rules make of the recorded gradients."""
        if any(rule.family == OWN for rule in rules):
            return self.replay.of(self.by(rules, self.replay.norms))[0]
        return self.replay.by(rules)

    def gap(self, rules: Rules) -> WorstGap:
        """How far the updates that rules make of the recorded gradients are from the port's."""
        port, allowed = by_quantity(self.replay.updates), by_quantity(self.replay.allowed)
        return gap_of(by_quantity(self.updates_by(rules)), port, allowed, list(port))

    def confirmed(self, rules: Rules) -> WorstGap:
        """The gap of a whole run of the reference by ``rules``: its updates, and its losses after the first step."""
        try:
            arrays = _run(self.quartet, self.entering, self.by(rules))
        except Exception as error:  # a model that does not stand where these rules lead it
            swallowed(error)
            return WorstGap(inf, False)
        names = [name for name in self.judgements if name in self.port and not name.startswith("after/")]
        if not set(names) <= arrays.keys():
            return WorstGap(inf, False)
        return gap_of(arrays, self.port, {name: self.judgements[name].allowed for name in names}, names)


class _Led:
    """An optimizer that notes what it gets and steps to where the port's did."""

    def __init__(self, parameters: list[torch.Tensor], names: Sequence[str], port: Run) -> None:
        self.parameters, self.names, self.port, self.state = parameters, names, port, {}  # type: ignore[var-annotated]
        self.before: list[Step] = []
        self.gradients: list[dict[str, np.ndarray | None]] = []
        self.norms: list[float] = []

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        named = dict(zip(self.names, self.parameters, strict=True))
        self.before.append({name: _sampled(tensor) for name, tensor in named.items()})
        grads = {name: tensor.grad for name, tensor in named.items()}
        self.gradients.append({name: None if tensor is None else _sampled(tensor) for name, tensor in grads.items()})
        self.norms.append(
            float(sum(float(tensor.abs().square().sum()) for tensor in grads.values() if tensor is not None)) ** 0.5
        )
        for name, tensor in named.items():
            update = self.port.get(update_name(len(self.before), name))
            if update is not None:
                tensor.add_(torch.as_tensor(np.ascontiguousarray(update), dtype=tensor.dtype, device=tensor.device))


def led_along(
    quartet: Quartet, entering: Entering, judgements: Mapping[str, Judgement], followed: Result | None = None
) -> Retraining:
    """Run the port once more in float64, and the reference along the port's trajectory.

    ``followed``: the reference's own run, whose dropouts the port replays.
    """
    port = quartet.oracle_port(entering, STEPS, followed)
    names = tuple(quartet.prepared.reference.parameters)
    kept: list[_Led] = []

    def led(parameters: list[torch.Tensor]) -> Any:
        kept.append(_Led(parameters, names, port))
        return kept[0]

    try:
        _run(quartet, entering, led)
    except Exception as error:
        raise SideError("reference", error) from error
    steps = range(1, len(entering.batches) + 1)
    there = [name for name in names if update_name(1, name) in port]
    replay = Replay(
        names=names,
        trained=frozenset(
            name for name, parameter in zip(names, kept[0].parameters, strict=True) if parameter.requires_grad
        ),
        before=tuple(kept[0].before),
        gradients=tuple(kept[0].gradients),
        updates=tuple({name: _rows(port[update_name(step, name)]) for name in there} for step in steps),
        norms=tuple(kept[0].norms),
        allowed=tuple(
            {name: judgements[key].allowed for name in there if (key := update_name(step, name)) in judgements}
            for step in steps
        ),
        ranks=tuple(parameter.dim() for parameter in kept[0].parameters),
    )
    return Retraining(quartet, entering, port, judgements, replay)


def _run(quartet: Quartet, entering: Entering, factory: Factory) -> Run:
    """The reference's training steps in float64 with another optimizer."""
    training = quartet.pair.training()
    assert training is not None
    optimizers = Optimizers(lambda parameters, **hyper: factory(parameters), training.port, training.hyper)
    prepared = replace(quartet.prepared, pair=replace(quartet.pair, optimizers=optimizers))
    held = quartet.witness.reference if quartet.witness else None
    side = ReferenceSide(prepared, FLOAT64, quartet.oracle.torch, promoted=quartet.promoted, replaced=held)
    return side.steps(entering)


def _sampled(tensor: torch.Tensor) -> np.ndarray:
    return np.array(_rows(from_torch(tensor)))


def _rows(array: np.ndarray) -> np.ndarray:
    """The first rows that hold ``SAMPLE`` entries together, at least one row; of complex numbers their parts."""
    array = parts(array) if array.dtype.kind == "c" else array
    if array.size <= SAMPLE or array.ndim == 0:
        return array.astype(np.float64)
    return array[: max(1, SAMPLE * len(array) // array.size)].astype(np.float64)
