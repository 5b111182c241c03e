"""Flax NNX as its guides write a training step: an object that is changed in place, under ``nnx.jit``.

The cached partial is what its guide to performance advises: the objects are taken apart once, not at every call.

Source: https://flax.readthedocs.io/en/latest/guides/performance.html
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.stages import Compiled

from compare.arrays.arrays import Arrays
from compare.frameworks.devices import Device
from compare.frameworks.models.modes import mode_arguments
from compare.frameworks.models.nnx_models import NNXModel
from compare.measure.bench.runner import Looked, Unavailable
from compare.measure.bench.runners.jax_problem import JaxProblem, OnDevice
from compare.pair.pair import Entering
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.sides.port_forward import as_torch_has_it
from compare.verdict.precision import Precision
from compare.weights.weights import WeightMap
from jaxport import mlp, mlp_nnx

State = Any  # nnx.State, a pytree of variables


class NNXRunner:
    """One call of the jitted step; ``cached`` keeps the objects taken apart."""

    steps_per_call = 1

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        cached: bool = False,
    ) -> None:
        """Raises:
        Unavailable: the port is no NNX module and has no twin that is, or the reference freezes a parameter.
        """
        if prepared.frozen_leaves:
            raise Unavailable("the step as NNX's guides write it trains every parameter, and this pair freezes some")
        self.problem = JaxProblem(in_nnx(prepared), entering, precision, device, masked)
        self.device, self.done = device.jax, 0
        self.loss: Any = np.zeros(())
        training = prepared.pair.training()
        assert training is not None
        model: Any = self.problem.prepared.port
        with self.problem.x64():
            leaves = self.problem.leaves(entering)
            self.model: Any = model.module_with(leaves, prepared.modes[0])
            self.optimizer: Any = nnx.Optimizer(self.model, training.port(**entering.hyper), wrt=nnx.Param)
            nnx.update(self.optimizer, jax.device_put(nnx.state(self.optimizer), self.device))
            self._jitted = step = nnx.jit(self._train)
            self.step = nnx.cached_partial(step, self.model, self.optimizer) if cached else self._given(step)
        self._gradient = nnx.jit(self._differentiate)
        self.mark()

    def call(self, count: int) -> None:
        step, batches = self.step, self.problem.batches
        with self.problem.x64():
            for _ in range(count):
                self.loss = step(batches[self.done % len(batches)])
                self.done += 1

    def wait(self) -> None:
        jax.block_until_ready((nnx.state(self.model), nnx.state(self.optimizer), self.loss))

    def mark(self) -> None:
        self._marked, self._done = self._copy(), self.done

    def restart(self) -> None:
        self._put(self._marked)
        self.done = self._done
        self.wait()

    def parameters(self) -> Arrays:
        with self.problem.x64():
            return self.problem.parameters(self._tree(self.model))

    def gradients(self) -> Arrays:
        before = self._copy()
        with self.problem.x64():
            _, grads = self._gradient(self.model, self._next())
            named = self.problem.gradients(grads)
        self._put(before)
        return named

    def looked_at(self) -> Looked:
        graph, state = nnx.split((self.model, self.optimizer))

        def pure(state: State, given: OnDevice) -> tuple[State, jax.Array]:
            model, optimizer = nnx.merge(graph, state)
            loss = self._train(model, optimizer, given)
            return nnx.state((model, optimizer)), loss

        with self.problem.x64():
            traced = jax.jit(pure).trace(state, self._next())
        return Looked("jax", jaxpr=traced.jaxpr, program=cache(self._program))

    def _program(self) -> Compiled:
        with self.problem.x64():
            program: Compiled = self._jitted.lower(self.model, self.optimizer, self._next()).compile().compiled
            return program

    def _next(self) -> OnDevice:
        return self.problem.batches[self.done % len(self.problem.batches)]

    def _train(self, model: nnx.Module, optimizer: nnx.Optimizer, given: OnDevice) -> jax.Array:
        loss, grads = self._differentiate(model, given)
        optimizer.update(model, as_torch_has_it(grads))
        return loss

    def _differentiate(self, model: nnx.Module, given: OnDevice) -> tuple[jax.Array, State]:
        args, kwargs = self.problem.arguments(given.arrays)
        mode = mode_arguments(type(model).__call__, self.problem.prepared.modes[0], kwargs)

        def loss_of(model: Any) -> jax.Array:
            with self.problem.drawing(given.masks, None):
                outputs = model(*args, **kwargs, **mode)
            return self.problem.scored(outputs, given)

        return nnx.value_and_grad(loss_of)(model)

    def _given(self, step: Callable[..., jax.Array]) -> Callable[[OnDevice], jax.Array]:
        return lambda given: step(self.model, self.optimizer, given)

    def _tree(self, model: nnx.Module) -> State:
        return nnx.state(model, nnx.Param)

    def _copy(self) -> tuple[State, State]:
        with self.problem.x64():
            return jax.tree.map(jnp.copy, (nnx.state(self.model), nnx.state(self.optimizer)))

    def _put(self, states: tuple[State, State]) -> None:
        with self.problem.x64():
            model, optimizer = jax.tree.map(jnp.copy, states)
            nnx.update(self.model, model)
            nnx.update(self.optimizer, optimizer)


def in_nnx(prepared: Prepared) -> Prepared:
    """The pair with an NNX module as its port: its own, or the twin of the project's perceptron.

    Raises:
        Unavailable: there is none.
    """
    port = prepared.pair.port
    if isinstance(prepared.port, NNXModel):
        return prepared
    if not isinstance(port, mlp.MLP):
        raise Unavailable("the port is no NNX module")
    in_dim, hidden = prepared.leaves["params/Dense_0/kernel"]
    twin = mlp_nnx.MLP(in_dim, hidden, port.n_classes, rngs=nnx.Rngs(0))
    names = {"Dense_0": "hidden", "Dense_1": "out"}
    entries = [
        replace(entry, port="/".join(names.get(part, part) for part in entry.port.split("/")))
        for entry in prepared.weight_map.entries
    ]
    return prepare(replace(prepared.pair, port=twin, weight_map=WeightMap(entries)))
