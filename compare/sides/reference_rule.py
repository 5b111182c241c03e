"""The reference's optimizer apart from its model: the steps that it makes of recorded gradients, and its rates."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from compare.arrays.arrays import from_torch, to_torch
from compare.errors import shown, swallowed
from compare.frameworks.islands.reference import float64_by_default, promoted_torch
from compare.pair.fields import FieldError, answer_of
from compare.pair.pair import Optimizers
from compare.sides.rule_inputs import RuleInputs, Shape
from compare.verdict.precision import FLOAT64, Precision
from compare.verdict.thresholds import RULE_CLIPPED

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class ReferenceRule:
    """The run of a reference's optimizer.

    Attributes:
        after: the parameters as they start and as each step leaves them, shape (steps + 1, M).
        clipped: whether each step left smaller gradients than it was given.
        rates: with which learning rate each step was made, shape (steps, parameters); None without parameter groups.
        ended: whether it raised after its last step, before the gradients end: a schedule's own end.
    """

    after: np.ndarray
    clipped: np.ndarray
    rates: np.ndarray | None = None
    ended: bool = False


def run_reference_rule(
    training: Optimizers, inputs: RuleInputs, hyper: Mapping[str, float], precision: Precision, promoted: bool = False
) -> ReferenceRule:
    """One step of the reference's optimizer on each gradient in turn.

    Args:
        promoted: with everything that its own code lowers raised to float64.

    Raises:
        Exception: whatever it raises before it has made a step.
    """
    around = promoted_torch() if promoted else float64_by_default() if precision is FLOAT64 else nullcontext()
    ended = False
    with _undisturbed(), around:
        parameters = _parameters(inputs, precision)
        optimizer = _made(training, parameters, hyper)
        rates_now = _reader(optimizer, parameters)
        after, clipped, rates = [_vector(parameters)], list[bool](), list[list[float] | None]()
        for gradient in inputs.gradients:
            given = to_torch(gradient, precision, CPU)
            rate = rates_now()
            try:
                optimizer.zero_grad()
                _hand_out(given, parameters, inputs)
                before = float(given.double().norm())
                optimizer.step()
            except Exception as error:
                if len(after) == 1:
                    raise
                swallowed(error)
                ended = True
                break
            after.append(_vector(parameters))
            clipped.append(float(given.double().norm()) < RULE_CLIPPED * before)
            rates.append(rate)
    known = None if rates[0] is None else np.array(rates)
    return ReferenceRule(np.stack(after), np.array(clipped), known, ended)


@dataclass(frozen=True, eq=False)
class Ahead:
    """The learning rates that a reference's optimizer would step with.

    Attributes:
        rates: of each parameter in each step, shape (steps, parameters); None without parameter groups.
        scheduled: whether one of torch's schedulers is hung on it.
        complete: whether it took all steps without gradients.
        curved: whether it is L-BFGS, which multiplies by what it takes for the curvature of a function.
    """

    rates: np.ndarray | None
    scheduled: bool = False
    complete: bool = False
    curved: bool = False


def rates_ahead(training: Optimizers, inputs: RuleInputs, hyper: Mapping[str, float], steps: int) -> Ahead:
    """Step the reference's optimizer without any gradient: parameters are left alone, and what hangs on a step goes on.

    Raises:
        Exception: whatever the function that makes it raises.
    """
    with _undisturbed(), float64_by_default():
        parameters = _parameters(inputs, FLOAT64)
        optimizer = _made(training, parameters, hyper)
        rates_now = _reader(optimizer, parameters)
        rates = [rates_now()]
        if rates[0] is None:
            return Ahead(None)
        scheduled = any("initial_lr" in group for group in groups_of(optimizer) or ())
        try:
            for _ in range(steps - 1):  # there is no gradient to zero, which takes torch as long as a step
                optimizer.step()
                rates.append(rates_now())
        except Exception as error:
            swallowed(error)
    return Ahead(np.array(rates), scheduled, len(rates) == steps, isinstance(optimizer, torch.optim.LBFGS))


def _reader(optimizer: object, parameters: Sequence[torch.nn.Parameter]) -> Callable[[], list[float] | None]:
    """A function that reads each parameter's learning rate as it is now; 0 for one that is in no group."""
    groups = groups_of(optimizer)
    if groups is None:
        return lambda: None
    by_parameter = {id(one): at for at, group in enumerate(groups) for one in group["params"]}
    columns = [by_parameter.get(id(one)) for one in parameters]

    def read() -> list[float]:
        now = [float(group["lr"]) for group in groups]
        return [0.0 if at is None else now[at] for at in columns]

    return read


def settings_of(
    training: Optimizers, shapes: Mapping[str, Shape], frozen: Collection[str], hyper: Mapping[str, float]
) -> list[str]:
    """What the reference's optimizer is told of each parameter, in the order of ``shapes``: its group's settings.

    Raises:
        Exception: whatever the function that makes it raises.
    """
    with _undisturbed():
        # One number, seen in each shape: a large model's take no memory.
        parameters = [
            torch.nn.Parameter(torch.zeros(()).expand(shape), name not in frozen) for name, shape in shapes.items()
        ]
        groups = groups_of(_made(training, parameters, hyper)) or ()
        told = [{key: value for key, value in group.items() if key != "params"} for group in groups]
        by_parameter = {id(one): repr(told[at]) for at, group in enumerate(groups) for one in group["params"]}
        return [by_parameter.get(id(one), "") for one in parameters]


def groups_of(optimizer: object) -> Sequence[Mapping[str, Any]] | None:
    """torch's parameter groups with a learning rate, of an optimizer or of one that it holds; None without any."""
    held = [optimizer, *vars(optimizer).values()] if hasattr(optimizer, "__dict__") else [optimizer]
    for one in held:
        groups = getattr(one, "param_groups", None)
        if isinstance(groups, list) and groups and all(isinstance(group, dict) and "lr" in group for group in groups):
            return groups
    return None


@contextmanager
def _undisturbed() -> Iterator[None]:
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        yield


def _made(training: Optimizers, parameters: list[torch.nn.Parameter], hyper: Mapping[str, float]) -> Any:
    optimizer = answer_of("optimizers", training.reference, list(parameters), **hyper)
    if not hasattr(optimizer, "zero_grad"):
        raise FieldError(f"optimizers= returned {shown(optimizer)}: expected a torch.optim.Optimizer")
    return optimizer


def _parameters(inputs: RuleInputs, precision: Precision) -> list[torch.nn.Parameter]:
    return [
        torch.nn.Parameter(to_torch(inputs.values[place].reshape(shape), precision, CPU), name not in inputs.frozen)
        for (name, shape), place in zip(inputs.shapes.items(), inputs.places.values(), strict=True)
    ]


def _hand_out(given: torch.Tensor, parameters: list[torch.nn.Parameter], inputs: RuleInputs) -> None:
    """Parts of one tensor as gradients, so that what is done to them in place shows in it."""
    for parameter, place in zip(parameters, inputs.places.values(), strict=True):
        if parameter.requires_grad:
            own, kept = given[place].view(parameter.shape), parameter.grad
            # What an optimizer that gathers gradients has not zeroed stays in them, as in a training step.
            parameter.grad = own if kept is None or not kept.any() else kept + own


def _vector(parameters: list[torch.nn.Parameter]) -> np.ndarray:
    return from_torch(torch.cat([one.detach().reshape(-1) for one in parameters])).astype(np.float64)
