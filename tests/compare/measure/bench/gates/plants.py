"""Unfair rows: each looks like an honest one to the judge that times by parameters alone, unless it says otherwise."""

import os
import time
from copy import deepcopy
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from compare.measure.bench.runner import Looked
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.gates.doubles import JaxRow, ScanRow, TorchRow


class Plant(NamedTuple):
    """What is wrong with a row, which gate says so, and whether the mere judge lets it pass."""

    gate: str
    passes_the_judge: bool
    kind: type


def low(row):
    """Only what is timed is spoilt: the judge's float64 run is honest."""
    return row.precision is FLOAT32


# --- torch ---


class TorchBfloat16(TorchRow):
    """Autocast around the forward pass."""

    def loss(self, inputs, targets):
        with torch.autocast("cpu", torch.bfloat16, enabled=low(self)):
            return super().loss(inputs, targets).to(next(self.module.parameters()).dtype)


class TorchDouble(TorchRow):
    """A strawman: its inputs are taken to float64 and back."""

    def loss(self, inputs, targets):
        return super().loss({name: (one.double() * 1.0).to(one.dtype) for name, one in inputs.items()}, targets)


class TorchTruncated(TorchRow):
    """Gradients with the 10 bits of TF32, by an honest float32 step."""

    def once(self):
        inputs, targets = self.batches[self.done % len(self.batches)]
        self.done += 1
        self.optimizer.zero_grad()
        loss = self.loss(inputs, targets)
        loss.backward()
        for parameter in self.module.parameters():
            if low(self):
                parameter.grad.view(torch.int32).bitwise_and_(-(1 << 13))
        self.optimizer.step()
        return loss


class TorchHalfBatch(TorchRow):
    """What is timed sees half of the rows."""

    def loss(self, inputs, targets):
        rows = slice(0, 8 if low(self) else None)
        return super().loss({k: v[rows] for k, v in inputs.items()}, {k: v[rows] for k, v in targets.items()})


class TorchNothing(TorchRow):
    """What is timed does nothing at all, and says honest gradients."""

    def call(self, count):
        if low(self):
            self.done += count
        else:
            super().call(count)


class TorchTwice(TorchRow):
    """A strawman: the forward pass is made twice."""

    def loss(self, inputs, targets):
        super().loss(inputs, targets)
        return super().loss(inputs, targets)


class TorchRowByRow(TorchRow):
    """A strawman: a loop over the rows of the batch."""

    def loss(self, inputs, targets):
        count = len(next(iter(inputs.values())))
        return sum(
            TorchRow.loss(
                self, {k: v[i : i + 1] for k, v in inputs.items()}, {k: v[i : i + 1] for k, v in targets.items()}
            )
            for i in range(count)
        ) / count  # fmt: skip


class TorchMoreOperations(TorchRow):
    """A strawman: copies that nobody asked for."""

    def loss(self, inputs, targets):
        for _ in range(60):
            inputs = {name: one.clone() for name, one in inputs.items()}
        return super().loss(inputs, targets)


class TorchSleeps(TorchRow):
    """A strawman that rests."""

    def once(self):
        time.sleep(0)
        return super().once()


class TorchItems(TorchRow):
    """The loss as a number in every step."""

    def once(self):
        self.history = super().once().item()


class TorchThroughNumPy(TorchRow):
    """The batch goes to NumPy and back in every step."""

    def step(self, inputs, targets):
        return super().step({name: torch.from_numpy(one.numpy().copy()) for name, one in inputs.items()}, targets)


class TorchThreads(TorchRow):
    """Leaves another number of threads behind."""

    def __init__(self, *given):
        super().__init__(*given)
        torch.set_num_threads(3)


class TorchThreadsInside(TorchRow):
    """Takes more threads for its own call alone."""

    def call(self, count):
        before = torch.get_num_threads()
        torch.set_num_threads(before + 1)
        super().call(count)
        torch.set_num_threads(before)


class TorchAnomaly(TorchRow):
    """Turns a mode on that is meant for finding faults."""

    def step(self, inputs, targets):
        torch.autograd.set_detect_anomaly(True)
        return super().step(inputs, targets)


class TorchStops(TorchRow):
    """Right for as long as the judge looks, and then at rest."""

    def once(self):
        if self.done < 8:
            return super().once()
        self.done += 1
        return None


class TorchSameBatch(TorchRow):
    """After the first pass it keeps to the batch that is warm in the cache."""

    def once(self):
        kept = self.batches
        if self.done >= len(kept):
            self.batches = kept[:1] * len(kept)
        try:
            return super().once()
        finally:
            self.batches = kept


class TorchStays(TorchRow):
    """Its restart forgets the parameters."""

    def restart(self):
        self.done = self.marked[1]


class TorchFaster(TorchRow):
    """What is timed has another learning rate, by a thousandth."""

    def rule(self, parameters):
        hyper = dict(self.entering.hyper)
        hyper["learning_rate"] *= 1.001 if low(self) else 1
        return self.prepared.pair.training().reference(parameters, **hyper)


class TorchNoMomentum(TorchRow):
    """What is timed leaves the momentum out."""

    def rule(self, parameters):
        return torch.optim.SGD(parameters, lr=0.1) if low(self) else super().rule(parameters)


class TorchFewerSteps(TorchRow):
    """Says two steps in a call; what is timed makes one."""

    steps_per_call = 2

    def call(self, count):
        for _ in range(count):
            self.once()
            if low(self):
                self.done += 1
            else:
                self.once()


class TorchOldGradient(TorchRow):
    """Every other step takes the last gradient once more."""

    def step(self, inputs, targets):
        if low(self) and self.done % 2 == 0:
            self.optimizer.step()
            return torch.zeros(())
        return super().step(inputs, targets)


class TorchKept(TorchRow):
    """Every block starts alike, so it keeps where each step led."""

    def once(self):
        self.kept = getattr(self, "kept", {})
        if self.done in self.kept:
            kept, self.done = self.kept[self.done], self.done + 1
            for parameter, (value, momentum) in zip(self.module.parameters(), kept, strict=True):
                parameter.data = value.clone()
                self.optimizer.state[parameter]["momentum_buffer"] = momentum.clone()
            return None
        done, loss = self.done, super().once()
        state = self.optimizer.state
        self.kept[done] = [
            (parameter.detach().clone(), state[parameter]["momentum_buffer"].clone())
            for parameter in self.module.parameters()
        ]
        return loss

    def gradients(self):
        kept, self.kept = getattr(self, "kept", {}), {}
        try:
            return super().gradients()
        finally:
            self.kept = kept

    def looked_at(self):
        return Looked("torch", eager=super().once)


class TorchKeepsFeatures(TorchRow):
    """What it makes of a batch is kept by the tensor it came in."""

    def loss(self, inputs, targets):
        self.kept = getattr(self, "kept", {})
        for one in inputs.values():
            if id(one) not in self.kept:
                self.kept[id(one)] = one
                for _ in range(40):
                    self.kept[id(one)] = -self.kept[id(one)]
        return super().loss({name: self.kept[id(one)] for name, one in inputs.items()}, targets)


class TorchAverages(TorchRow):
    """A strawman: a running average of the weights that only one side keeps."""

    def once(self):
        loss = super().once()
        self.average = getattr(self, "average", None) or [p.detach().clone() for p in self.module.parameters()]
        for average, parameter in zip(self.average, self.module.parameters(), strict=True):
            average.mul_(0.9).add_(parameter.detach(), alpha=0.1)
        return loss


class TorchCopies(TorchRow):
    """A strawman: the best weights so far, copied in every step."""

    def once(self):
        self.best = deepcopy(self.module.state_dict())
        return super().once()


class TorchBusy(TorchRow):
    """A strawman: Python that computes nothing of the step."""

    def once(self):
        for number in range(5000):
            self.number = number
        return super().once()


class TorchLogs(TorchRow):
    """A line in a file for every step."""

    def once(self):
        with open(os.devnull, "w") as log:
            log.write(f"{self.done}\n")
        return super().once()


class TorchAnomalyWithin(TorchRow):
    """A mode for finding faults that is on while it steps, and off before anybody looks."""

    def once(self):
        torch.autograd.set_detect_anomaly(True)
        try:
            return super().once()
        finally:
            torch.autograd.set_detect_anomaly(False)


# --- JAX ---


class JaxBfloat16(JaxRow):
    """Parameters are taken to bfloat16 for the forward pass."""

    def loss(self, params, rest, inputs, targets):
        if low(self):
            params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
            inputs = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), inputs)
        loss, rest = super().loss(params, rest, inputs, targets)
        return loss.astype(jnp.float32 if low(self) else jnp.float64), rest


class JaxAlgorithm(JaxRow):
    """Products that ask for bfloat16 inside, though float32 goes in and comes out."""

    def step(self, carried, batch):
        with jax.default_matmul_precision("BF16_BF16_F32" if low(self) else "highest"):
            return super().step(carried, batch)


class JaxTruncated(JaxRow):
    """Gradients with the 10 bits of TF32."""

    def both(self, carried, batch):
        params, rest, opt = carried
        (loss, rest), grads = jax.value_and_grad(self.loss, has_aux=True)(params, rest, *batch)
        if low(self):
            grads = jax.tree.map(lambda leaf: jax.lax.reduce_precision(leaf, 8, 10), grads)
        updates, opt = self.optimizer.update(grads, opt, params)
        return (optax.apply_updates(params, updates), rest, opt), loss, grads


class JaxTellsOtherwise(JaxTruncated):
    """The same, and says honest gradients."""

    def gradients(self):
        return JaxRow(self.prepared, self.entering_now(), self.precision).gradients()

    def entering_now(self):
        from dataclasses import replace

        place = self.done % len(self.batches)
        batches = self.entering.batches[place:] + self.entering.batches[:place]
        return replace(self.entering, weights=self.parameters(), batches=batches)


class JaxClosesOverBatches(JaxRow):
    """A program for each batch, which lies in it."""

    def compiled(self):
        programs = [jax.jit(lambda carried, batch=batch: self.step(carried, batch)) for batch in self.batches]
        return lambda carried, batch: programs[self.done % len(self.batches)](carried)

    def looked_at(self):
        with jax.enable_x64(self.x64):
            batch = self.next()
            held = jax.jit(lambda carried: self.step(carried, batch))
            return Looked("jax", jaxpr=held.trace((self.params, self.rest, self.opt)).jaxpr)


class JaxClosesOverTable(JaxRow):
    """All batches are one constant table, of which a step takes its part."""

    def compiled(self):
        self.table = jax.tree.map(lambda *arrays: jnp.stack(arrays), *self.batches)
        self.batches = [jnp.asarray(number) for number in range(len(self.batches))]
        return super().compiled()

    def both(self, carried, batch):
        return super().both(carried, jax.tree.map(lambda array: array[batch], self.table))


class JaxPureCallback(JaxRow):
    """The loss goes through Python."""

    def loss(self, params, rest, inputs, targets):
        loss, rest = super().loss(params, rest, inputs, targets)
        seen = jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct(loss.shape, loss.dtype), jax.lax.stop_gradient(loss))
        return loss + 0 * seen, rest


class JaxDebugPrint(JaxRow):
    """A print that was left in."""

    def loss(self, params, rest, inputs, targets):
        jax.debug.callback(lambda: None)
        return super().loss(params, rest, inputs, targets)


class JaxCallbackInScan(ScanRow):
    """The same inside the loop."""

    def both(self, carried, batch):
        jax.debug.callback(lambda: None)
        return super().both(carried, batch)


class JaxRecompiles(JaxRow):
    """Another function in every pass over the batches, so another program."""

    def compiled(self):
        def program(carried, batch):
            if self.done % len(self.batches) == 0 or self.done < 2:
                self.fresh = jax.jit(lambda *given: self.step(*given), donate_argnums=0)
            return self.fresh(carried, batch)

        return program


class JaxStaticNumber(JaxRow):
    """The number of the pass is a static argument."""

    def compiled(self):
        program = jax.jit(lambda carried, batch, number: self.step(carried, batch), static_argnums=2)
        return lambda carried, batch: program(carried, batch, self.done // len(self.batches))


class JaxFromHost(JaxRow):
    """Batches lie in NumPy, and are copied in every call."""

    def resident(self, batches):
        return jax.tree.map(np.asarray, batches)


class JaxPutsEachTime(JaxRow):
    """The same, said out loud."""

    def resident(self, batches):
        self.host = jax.tree.map(np.asarray, batches)
        return batches

    def compiled(self):
        program = super().compiled()
        return lambda carried, batch: program(carried, jax.device_put(self.host[self.done % len(self.host)]))


class JaxReadsLoss(JaxRow):
    """The loss as a number in every step."""

    def call(self, count):
        for _ in range(count):
            super().call(1)
            self.history = float(self.last)


class JaxNeverWaits(JaxRow):
    """The clock stops before the work does."""

    def wait(self):
        pass


class JaxWaitsForLoss(JaxRow):
    """Waits for the loss alone, which is done first."""

    def wait(self):
        self.last.block_until_ready()


class JaxAgain(JaxRow):
    """A strawman: the forward pass is computed a second time for the backward pass."""

    def loss(self, params, rest, inputs, targets):
        own = jax.checkpoint(lambda params: JaxRow.loss(self, params, rest, inputs, targets)[0])
        return own(params), rest


class JaxFrozenLayer(JaxRow):
    """What is timed has no gradient by the first layer."""

    def loss(self, params, rest, inputs, targets):
        if low(self):
            first = sorted(params)[0]
            params = {**params, first: jax.lax.stop_gradient(params[first])}
        return super().loss(params, rest, inputs, targets)


class JaxRowByRow(JaxRow):
    """A strawman: a Python loop over the rows, a product for each."""

    def loss(self, params, rest, inputs, targets):
        count = len(next(iter(inputs.values())))
        losses = [
            JaxRow.loss(self, params, rest, *jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], (inputs, targets)))[0]
            for i in range(count)
        ]
        return sum(losses) / count, rest


class JaxRowByRowInMap(JaxRow):
    """A strawman: the same in a loop of XLA's, whose product is written once."""

    by_rows = True

    def loss(self, params, rest, inputs, targets):
        def one(given):
            return JaxRow.loss(self, params, rest, *jax.tree.map(lambda leaf: leaf[None], given))[0]

        return jnp.mean(jax.lax.map(one, (inputs, targets))), rest


class JaxMoreElements(JaxRow):
    """A strawman: a long chain over the weights that comes to nothing."""

    def loss(self, params, rest, inputs, targets):
        loss, rest = super().loss(params, rest, inputs, targets)
        chain = jax.tree.leaves(params)
        for _ in range(60):
            chain = [jnp.sin(leaf) for leaf in chain]
        return loss + 0 * sum(leaf.sum() for leaf in chain), rest


class JaxStops(JaxRow):
    """Right for as long as the judge looks; the program then returns what it was given."""

    def compiled(self):
        program = jax.jit(self.step)
        return lambda carried, batch: program(carried, batch) if self.done < 8 else (carried, self.last)


class JaxKept(JaxRow):
    """Every block starts alike, so it keeps where each step led."""

    def compiled(self):
        program, self.kept = jax.jit(self.step), {}

        def kept(carried, batch):
            if self.done not in self.kept:
                self.kept[self.done] = program(carried, batch)
            return self.kept[self.done]

        return kept


class JaxHalfScan(ScanRow):
    """Says eight steps in a call; what is timed makes four."""

    def step(self, carried, batch):
        half = jax.tree.map(lambda leaf: leaf[:4], batch) if low(self) else batch
        return super().step(carried, half)


class JaxDebugs(JaxRow):
    """Turns a mode on that is meant for finding faults."""

    def __init__(self, *given):
        super().__init__(*given)
        jax.config.update("jax_debug_nans", True)


class JaxDies(JaxRow):
    """Its first call after a restart goes elsewhere: the state of the optimizer stays."""

    def restart(self):
        kept = self.opt
        super().restart()
        self.opt = kept


PLANTS = {
    "torch, bfloat16 by autocast": Plant("dtypes", True, TorchBfloat16),
    "torch, float64 inside": Plant("dtypes", True, TorchDouble),
    "torch, gradients of ten bits": Plant("precision", True, TorchTruncated),
    "torch, half of the batch": Plant("work", True, TorchHalfBatch),
    "torch, nothing is done": Plant("many steps", True, TorchNothing),
    "torch, the forward pass twice": Plant("work", True, TorchTwice),
    "torch, row by row": Plant("operations", True, TorchRowByRow),
    "torch, sixty copies": Plant("operations", True, TorchMoreOperations),
    "torch, sleeps": Plant("host", True, TorchSleeps),
    "torch, item() in every step": Plant("host", True, TorchItems),
    "torch, through NumPy": Plant("host", True, TorchThroughNumPy),
    "torch, threads left behind": Plant("settings", True, TorchThreads),
    "torch, threads for itself": Plant("host", True, TorchThreadsInside),
    "torch, anomaly mode": Plant("settings", True, TorchAnomaly),
    "torch, stops after eight steps": Plant("many steps", True, TorchStops),
    "torch, one batch after the first pass": Plant("many steps", True, TorchSameBatch),
    "torch, restart() without parameters": Plant("restart", True, TorchStays),
    "torch, another learning rate": Plant("update rule", True, TorchFaster),
    "torch, no momentum": Plant("update rule", True, TorchNoMomentum),
    "torch, one step for two": Plant("many steps", True, TorchFewerSteps),
    "torch, the last gradient again": Plant("many steps", True, TorchOldGradient),
    "torch, what it kept": Plant("operations", True, TorchKept),
    "torch, features kept by their batch": Plant("operations", True, TorchKeepsFeatures),
    "torch, an average of the weights": Plant("elements", True, TorchAverages),
    "torch, a copy of the weights": Plant("elements", True, TorchCopies),
    "torch, busy in Python": Plant("host", True, TorchBusy),
    "torch, a log": Plant("host", True, TorchLogs),
    "torch, anomaly mode within": Plant("settings", True, TorchAnomalyWithin),
    "jax, bfloat16 inside": Plant("dtypes", True, JaxBfloat16),
    "jax, products of bfloat16": Plant("dtypes", True, JaxAlgorithm),
    "jax, gradients of ten bits": Plant("precision", True, JaxTruncated),
    "jax, ten bits and a lie": Plant("update rule", True, JaxTellsOtherwise),
    "jax, a batch in each program": Plant("closed over", True, JaxClosesOverBatches),
    "jax, all batches in the program": Plant("closed over", True, JaxClosesOverTable),
    "jax, pure_callback": Plant("host", True, JaxPureCallback),
    "jax, debug callback": Plant("host", True, JaxDebugPrint),
    "jax, callback in a scan": Plant("host", True, JaxCallbackInScan),
    "jax, compiled in every pass": Plant("compilations", True, JaxRecompiles),
    "jax, a static number": Plant("compilations", True, JaxStaticNumber),
    "jax, batches from the host": Plant("host", True, JaxFromHost),
    "jax, device_put in every call": Plant("host", True, JaxPutsEachTime),
    "jax, float(loss) in every step": Plant("host", True, JaxReadsLoss),
    "jax, never waits": Plant("wait", True, JaxNeverWaits),
    "jax, waits for the loss": Plant("wait", True, JaxWaitsForLoss),
    "jax, forward pass again": Plant("work", True, JaxAgain),
    "jax, a layer without gradient": Plant("work", True, JaxFrozenLayer),
    "jax, row by row": Plant("operations", True, JaxRowByRow),
    "jax, row by row in lax.map": Plant("operations", True, JaxRowByRowInMap),
    "jax, a chain over the weights": Plant("elements", True, JaxMoreElements),
    "jax, stops after eight steps": Plant("many steps", True, JaxStops),
    "jax, what it kept": Plant("wait", True, JaxKept),
    "jax, four steps for eight": Plant("work", True, JaxHalfScan),
    "jax, debug_nans": Plant("settings", True, JaxDebugs),
    "jax, restart() without the optimizer's state": Plant("restart", True, JaxDies),
}
