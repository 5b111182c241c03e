"""Rows of a benchmark small enough to spoil: an honest step of either framework, and a yardstick of both."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from compare.frameworks.devices import choose
from compare.frameworks.steps.global_modes import global_modes
from compare.measure.bench.gates.gate_table import Yardstick, stopped_by
from compare.measure.bench.gates.observation import Built, observe
from compare.measure.bench.runner import Looked
from compare.pair.number_of_rows import joined
from compare.pair.pair import Pair
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verdict.verdict import judge, worst

BATCHES = 8


class TorchRow:
    """The five beats. What a plant spoils is a method."""

    steps_per_call, by_rows = 1, True

    def __init__(self, prepared, entering, precision):
        self.prepared, self.entering, self.precision, self.done = prepared, entering, precision, 0
        self.side = ReferenceSide(prepared, precision, choose("cpu").torch)
        self.module = self.side.load(entering, prepared.modes[0])
        self.optimizer = self.rule(list(self.module.parameters()))
        self.batches = [self.side.batch(batch) for batch in entering.batches]
        self.mark()

    def rule(self, parameters):
        return self.prepared.pair.training().reference(parameters, **self.entering.hyper)

    def loss(self, inputs, targets):
        return self.side.loss(self.module, self.entering.batches[0], inputs, targets)

    def step(self, inputs, targets):
        self.optimizer.zero_grad()
        loss = self.loss(inputs, targets)
        loss.backward()
        self.optimizer.step()
        return loss

    def once(self):
        inputs, targets = self.batches[self.done % len(self.batches)]
        self.done += 1
        return self.step(inputs, targets)

    def call(self, count):
        for _ in range(count):
            for _ in range(self.steps_per_call):
                self.once()

    def wait(self):
        pass

    def state(self):
        tensors = [*self.module.parameters(), *self.module.buffers()]
        state = self.optimizer.state_dict()["state"]
        return [t.detach().clone() for t in tensors], {
            key: {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in own.items()}
            for key, own in state.items()
        }

    def put(self, kept):
        tensors, state = kept
        with torch.no_grad():
            for tensor, own in zip([*self.module.parameters(), *self.module.buffers()], tensors, strict=True):
                tensor.copy_(own)
        groups = self.optimizer.state_dict()["param_groups"]
        copied = {
            key: {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in own.items()}
            for key, own in state.items()
        }
        self.optimizer.load_state_dict({"state": copied, "param_groups": groups})

    def mark(self):
        self.marked = self.state(), self.done

    def restart(self):
        kept, self.done = self.marked
        self.put(kept)

    def parameters(self):
        named = self.module.named_parameters()
        return {name: parameter.detach().double().numpy().copy() for name, parameter in named}

    def gradients(self):
        kept, done = self.state(), self.done
        self.once()
        own = {
            name: (torch.zeros_like(p) if p.grad is None else p.grad).double().numpy().copy()
            for name, p in self.module.named_parameters()
        }
        self.put(kept)
        self.done = done
        return own

    def looked_at(self):
        return Looked("torch", eager=self.once)


class JaxRow:
    """A pure step whose results are bound again. What a plant spoils is a method.

    Attributes:
        by_rows: it is also looked at with twice the rows.
    """

    steps_per_call, by_rows = 1, False

    def __init__(self, prepared, entering, precision):
        self.prepared, self.entering, self.precision, self.done = prepared, entering, precision, 0
        self.device = choose("cpu").jax
        self.side, self.form, self.x64 = (
            PortSide(prepared, precision, self.device),
            entering.batches[0],
            precision is FLOAT64,
        )
        with jax.enable_x64(self.x64):
            self.optimizer = self.rule()
            self.params, self.rest = self.side.tree(self.side.leaves(entering))
            self.opt = jax.device_put(jax.jit(self.optimizer.init)(self.params), self.device)
            self.batches = self.resident([self.side.batch(batch) for batch in entering.batches])
            self.program = self.compiled()
        self.last = jnp.zeros(())
        self.mark()

    def rule(self):
        return self.prepared.pair.training().port(**self.entering.hyper)

    def resident(self, batches):
        return batches

    def compiled(self):
        return jax.jit(self.step, donate_argnums=0)

    def loss(self, params, rest, inputs, targets):
        return self.side.loss_of(inputs, targets, self.form)(params, rest)

    def both(self, carried, batch):
        params, rest, opt = carried
        (loss, rest), grads = jax.value_and_grad(self.loss, has_aux=True)(params, rest, *batch)
        updates, opt = self.optimizer.update(grads, opt, params)
        return (optax.apply_updates(params, updates), rest, opt), loss, grads

    def step(self, carried, batch):
        carried, loss, _ = self.both(carried, batch)
        return carried, loss

    def next(self):
        return self.batches[self.done // self.steps_per_call % len(self.batches)]

    def call(self, count):
        with jax.enable_x64(self.x64):
            for _ in range(count):
                (self.params, self.rest, self.opt), self.last = self.program(
                    (self.params, self.rest, self.opt), self.next()
                )
                self.done += self.steps_per_call

    def wait(self):
        jax.block_until_ready((self.params, self.rest, self.opt, self.last))

    def carried(self):
        return jax.tree.map(jnp.copy, (self.params, self.rest, self.opt))

    def mark(self):
        with jax.enable_x64(self.x64):
            self.marked = self.carried(), self.done

    def restart(self):
        (self.params, self.rest, self.opt), self.done = self.marked
        with jax.enable_x64(self.x64):
            self.params, self.rest, self.opt = self.carried()

    def named(self, tree, values):
        leaves = {path: np.asarray(leaf) for path, leaf in self.prepared.port.flat(tree).items()}
        named = self.prepared.weight_map.to_reference(leaves, self.prepared.shapes, values)
        return {name: named[name].astype(np.float64) for name in self.entering.weights}

    def parameters(self):
        return self.named(self.params, True)

    def first(self):
        return self.next()

    def gradients(self):
        with jax.enable_x64(self.x64):
            self.keeping = getattr(self, "keeping", None) or jax.jit(self.both)
            return self.named(self.keeping((self.params, self.rest, self.opt), self.first())[2], False)

    def looked_at(self):
        with jax.enable_x64(self.x64):
            return Looked("jax", jaxpr=jax.jit(self.step).trace((self.params, self.rest, self.opt), self.next()).jaxpr)


class ScanRow(JaxRow):
    """All batches in one call."""

    def resident(self, batches):
        self.steps_per_call = len(batches)
        return [jax.tree.map(lambda *arrays: jnp.stack(arrays), *batches)]

    def step(self, carried, batch):
        return jax.lax.scan(super().step, carried, batch)

    def first(self):
        return jax.tree.map(lambda array: array[0], self.next())


class Case:
    """A pair with its yardstick."""

    def __init__(self, pair: Pair, batches: int = BATCHES, many: int = 48):
        choose("cpu")  # which sets the policy that no row may change
        self.prepared, self.many = prepare(pair), many
        self.entering = self.prepared.enter(0, batches).at(FLOAT32)
        self.other = self.prepared.enter(1, batches).at(FLOAT32)
        first, second = self.entering.batches[:2]
        self.twice = replace(self.entering, batches=(joined([first, second]), joined([second, first])))
        self.plain = self.observed(TorchRow, "torch eager")
        self.one_pass, self.one_pass_64 = (
            first_pass(TorchRow(self.prepared, self.entering, precision)) for precision in (FLOAT32, FLOAT64)
        )
        self.yard = Yardstick(self.prepared, self.plain, partial(TorchRow, self.prepared))
        self.yard = replace(self.yard, jit=self.observed(JaxRow, "jax.jit"))

    def built(self, kind: Callable, name: str = "row") -> Built:
        modes = global_modes()
        judged = kind(self.prepared, self.entering, FLOAT32)
        return Built(
            name, self.entering, judged, kind(self.prepared, self.entering, FLOAT64), judged,
            elsewhere=lambda: kind(self.prepared, self.other, FLOAT32),
            doubled=(lambda: kind(self.prepared, self.twice, FLOAT32)) if kind.by_rows else None, modes=modes,
        )  # fmt: skip

    def observed(self, kind: Callable, name: str = "row"):
        return observe(self.built(kind, name), self.many)

    def stopped(self, kind: Callable) -> dict[str, str]:
        return stopped_by(self.observed(kind), self.yard)

    def judged_and_stopped(self, kind: Callable) -> tuple[str, dict[str, str]]:
        """What the mere judge says of the parameters' change in one pass over the batches, and what the gates say."""
        built = self.built(kind)
        changes = [self.one_pass, first_pass(built.judged), self.one_pass_64, first_pass(built.exact)]
        verdict = worst([judge(*(change[name] for change in changes), FLOAT32).verdict for name in changes[0]])
        return str(verdict), stopped_by(observe(built, self.many), self.yard)


def first_pass(row) -> dict[str, np.ndarray]:
    """How the parameters change in the first steps, as many as there are batches."""
    before = row.parameters()
    row.call(BATCHES // row.steps_per_call)
    row.wait()
    after = row.parameters()
    return {name: after[name] - before[name] for name in after}


@cache
def loose() -> Case:
    """The small case."""
    return Case(find("loose"))
