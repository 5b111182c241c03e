"""Where a torch row stands, and how it is put back there; and an optimizer's state made before its first step."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch

from compare.measure.bench.runners.torch_problem import TorchProblem
from compare.pair.stepped import schedulers_of


class Mark:
    """Where a torch row stands: it is put back in place, since compiled programs and graphs hold addresses."""

    def __init__(self, problem: TorchProblem) -> None:
        self._problem = problem
        self._tensors = {name: tensor.detach().clone() for name, tensor in problem.tensors().items()}
        states = problem.optimizer.state
        self._states = {p: {key: _kept(value) for key, value in own.items()} for p, own in states.items()}
        self._settings = [_settings(group) for group in problem.optimizer.param_groups]
        self._schedules = [deepcopy(one.state_dict()) for one in schedulers_of(problem.optimizer)]
        self._random = torch.get_rng_state()
        self._on_card = torch.cuda.get_rng_state(problem.device) if problem.device.type == "cuda" else None

    @torch.no_grad()
    def restore(self) -> None:
        """Everything as it was, at the addresses where it is."""
        problem = self._problem
        own_tensors = problem.tensors()
        for name, value in self._tensors.items():
            own_tensors[name].copy_(value)
        states = problem.optimizer.state
        for parameter in [one for one in states if one not in self._states]:
            del states[parameter]  # made since, by a step that starts the optimizer
        for parameter, kept in self._states.items():
            own = states[parameter]
            for key in [key for key in own if key not in kept]:
                del own[key]
            _put(own, kept)
        for group, kept in zip(problem.optimizer.param_groups, self._settings, strict=True):
            _put(group, kept)
        for scheduler, kept in zip(schedulers_of(problem.optimizer), self._schedules, strict=True):
            scheduler.load_state_dict(deepcopy(kept))
        if problem.draws:
            torch.set_rng_state(self._random)
            if self._on_card is not None:
                torch.cuda.set_rng_state(self._on_card, problem.device)


def starts_at_zero(problem: TorchProblem, step: Callable[[], object]) -> bool:
    """Make the optimizer's state of zeros, where its first step is the same with it as without.

    An optimizer makes its state in its first step, which is then another program than all that follow. Whether zeros
    do as well (they do for a momentum without dampening, for Adam) is found out: ``step`` is taken both ways, and
    everything is put back.

    Returns:
        Whether they do; if not, the optimizer has no state yet.
    """
    before, state = Mark(problem), problem.optimizer.state
    step()
    alone = _everything(problem)
    made = {parameter: dict(own) for parameter, own in state.items()}
    before.restore()
    for parameter, own in made.items():
        state[parameter] = {key: _zero(value, parameter.dtype) for key, value in own.items()}
    started = Mark(problem)
    step()
    same = _equal(_everything(problem), alone)
    (started if same else before).restore()
    return same


def _everything(problem: TorchProblem) -> list[Any]:
    """Values of all that a step changes."""
    state = problem.optimizer.state
    own = [value for parameter in state for value in state[parameter].values()]
    return [_kept(value) for value in [*problem.tensors().values(), *own]]


def _equal(left: list[Any], right: list[Any]) -> bool:
    def same(one: Any, other: Any) -> bool:
        return torch.equal(one.double(), other.double()) if isinstance(one, torch.Tensor) else one == other

    return len(left) == len(right) and all(map(same, left, right))


def _zero(value: Any, dtype: torch.dtype) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    # Adam counts its steps in float32, and a compiled rule computes with the count itself: not in an oracle.
    counts = value.ndim == 0 and value.dtype is torch.float32 and dtype is torch.float64
    return torch.zeros_like(value, dtype=dtype if counts else value.dtype)


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    """A group's learning rate and what else a schedule moves."""
    return {key: _kept(value) for key, value in group.items() if key != "params"}


def _put(held: dict[str, Any], kept: dict[str, Any]) -> None:
    """What is a tensor on both sides goes to where it lies."""
    for key, value in kept.items():
        if isinstance(value, torch.Tensor) and isinstance(held.get(key), torch.Tensor):
            held[key].copy_(value)
        else:
            held[key] = _kept(value)


def _kept(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value
