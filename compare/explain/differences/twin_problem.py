"""One problem for all twins, not quadratic, with several shapes; and how either side walks down it."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
import torch

STEPS = 100
SHAPES = {"bias": (3,), "kernel": (2, 3, 2), "scale": (), "weight": (4, 3)}
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())
_RNG = np.random.default_rng(0)
START = {name: _RNG.standard_normal(shape) for name, shape in SHAPES.items()}
MIXED = _RNG.standard_normal((2 * SIZE, SIZE)) / np.sqrt(SIZE)
TARGET = _RNG.standard_normal(2 * SIZE)


def vector(tree: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.asarray(tree[name], float).reshape(-1) for name in SHAPES])


def loss_and_gradient(tree: dict[str, Any]) -> tuple[float, dict[str, np.ndarray]]:
    """Of ``sum(log(cosh(A x - c)))``, in NumPy: both sides are given the same function."""
    residual = MIXED @ vector(tree) - TARGET
    slope, made, start = MIXED.T @ np.tanh(residual), {}, 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        made[name] = slope[start : start + size].reshape(shape)
        start += size
    return float(np.logaddexp(residual, -residual).sum()), made


class TorchRun:
    """torch's side: parameters, an optimizer, its scheduler, and what stands between backward and step."""

    def __init__(self, optimizer: Callable, scheduler: Callable | None = None, clip: Callable | None = None) -> None:
        self.params = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in START.items()}
        self.optimizer = optimizer(list(self.params.values()))
        self.scheduler = scheduler(self.optimizer) if scheduler else None
        self.clip = clip

    def closure(self) -> torch.Tensor:
        loss, slope = loss_and_gradient({name: one.detach().numpy() for name, one in self.params.items()})
        for name, one in self.params.items():
            one.grad = torch.tensor(slope[name]) if one.requires_grad else None
        if self.clip:
            self.clip(list(self.params.values()))
        return torch.tensor(loss)

    def walk(self, steps: int = STEPS, every: int = 1) -> list[np.ndarray]:
        """The parameters after each of so many further steps."""
        seen = []
        for step in range(steps):
            if isinstance(self.optimizer, torch.optim.LBFGS):
                loss = self.optimizer.step(self.closure)
            else:
                loss = self.closure()
                self.optimizer.step()
            if self.scheduler is not None and (step + 1) % every == 0:
                parts = self.scheduler if isinstance(self.scheduler, list) else [self.scheduler]
                for one in parts:
                    one.step(*([loss] if isinstance(one, torch.optim.lr_scheduler.ReduceLROnPlateau) else []))
            seen.append(vector({name: one.detach().numpy() for name, one in self.params.items()}))
        return seen


def jax_walk(
    transformation: Any, params: Any = None, state: Any = None, steps: int = STEPS
) -> tuple[list[np.ndarray], Any, Any]:
    """The parameters after each step of the port, compiled; and what it ends with."""
    with jax.enable_x64(True):
        transformation = optax.with_extra_args_support(transformation)
        params = {name: jax.numpy.array(value) for name, value in START.items()} if params is None else params
        state = transformation.init(params) if state is None else state
        step = jax.jit(lambda g, s, p, v: transformation.update(g, s, p, value=v))
        seen = []
        for _ in range(steps):
            loss, slope = loss_and_gradient(params)
            updates, state = step(slope, state, params, loss)
            params = optax.apply_updates(params, updates)
            seen.append(vector(params))
    return seen, params, state


def apart(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """The largest relative distance over all steps."""
    sizes = [(float(np.linalg.norm(a - b)), float(np.linalg.norm(a))) for a, b in zip(one, other, strict=True)]
    return max(gap / max(size, 1e-300) for gap, size in sizes)
