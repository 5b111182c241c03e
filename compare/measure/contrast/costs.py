"""What recording costs: bytes between forward and backward pass where a compiler decides what is kept, and time."""

import warnings
from dataclasses import replace
from typing import Any

import jax
import torch

from compare.errors import swallowed
from compare.frameworks.blame import described
from compare.frameworks.devices import Device
from compare.frameworks.recording.tape_nodes import engine_order, saved_by
from compare.frameworks.steps.torch_costs import bytes_held
from compare.frameworks.steps.xla_program import xla_live_when_made, xla_program
from compare.frameworks.steps.xla_workspace import xla_workspace
from compare.measure.contrast.again import jax_again, torch_again
from compare.measure.contrast.cost_figures import Again, Costs, Seconds
from compare.measure.contrast.fastest import fastest
from compare.measure.contrast.ways.given_jax import JaxGiven
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.port_forward import PortForward
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT32

CALLS = 5  # that are timed, of which the fastest counts
BACKEND = "aot_eager_decomp_partition"  # what torch.compile does before it makes kernels: the same partition


def costs(pair: Pair, device: Device, seed: int = 0) -> Costs:
    """Measure both sides as people train them, at float32."""
    prepared = prepare(pair, seed)
    entering = prepared.enter(seed, 1).at(FLOAT32)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        given = TorchGiven(ReferenceForward(prepared, FLOAT32, device.torch), entering, frozenset())
        times = _torch_seconds(given)
        aot, message = saved_when_compiled(given)
        tapes = torch_again(given)
    side = PortForward(prepared, FLOAT32, device.jax)
    with side.x64():
        port = JaxGiven(side, entering)
        args = (port.params, port.inputs, port.targets)
        traced, tracing = fastest(lambda: jax.jit(jax.value_and_grad(port.loss)).lower(*args), 1)
        compiled, compiling = fastest(traced.compile, 1)
        _, running = fastest(lambda: jax.block_until_ready(compiled(*args)), CALLS)
        residuals = jax_again(port, temporaries)
    text = compiled.as_text() or ""
    seconds = replace(times, traced=tracing, compiled=compiling, run=running)
    return Costs(
        aot,
        message,
        temporaries(compiled),
        xla_live_when_made(text),
        tuple(Again(what, tapes[what], *residuals[what]) for what in tapes),
        xla_program(text).runs,
        seconds,
        xla_workspace(text) if device.name == "cpu" else 0,
    )


def temporaries(compiled: Any) -> int | None:
    """The most that a compiled program needs at once beside arguments and results; None where XLA does not say."""
    plan = compiled.memory_analysis()
    return None if plan is None else int(plan.temp_size_in_bytes)


def kept_by(loss: torch.Tensor, *held: Any) -> int:
    """Bytes that the tape of ``loss`` keeps alive, beside the tensors in ``held``; a memory counts once."""
    assert loss.grad_fn is not None
    saved = [one.tensor for node in engine_order(loss.grad_fn) for one in saved_by(node)]
    return bytes_held([one for one in saved if one is not None], held) - bytes_held(held)


def saved_when_compiled(given: TorchGiven) -> tuple[int | None, str]:
    """Bytes that wait for the backward pass where torch's compiler has cut the program in two, beside parameters,
    inputs and the cotangent of a pair without a loss; or None, and what the compiler raised."""
    leaves = given.leaves()
    try:
        with warnings.catch_warnings():  # who makes errors of them decides nothing here
            warnings.simplefilter("ignore")
            module: Any = torch.compile(given.module, backend=BACKEND)
            held = given.named_in(module, leaves)
            loss = torch.func.functional_call(module, held, (given.inputs, given.targets))
    except Exception as error:  # what the compiler does not take
        swallowed(error)
        return None, described(error)
    buffers = dict(given.module.named_buffers())
    return kept_by(loss, leaves, given.inputs, given.targets, buffers, given.module.against), ""


def _without_tape(given: TorchGiven) -> float | None:
    """Seconds of the loss; None where it takes a gradient inside, which without a tape it cannot."""
    try:
        with torch.no_grad():
            return fastest(lambda: given.loss(given.params, given.inputs, given.targets), CALLS)[1]
    except Exception as error:  # what the model's own code raises without a tape
        swallowed(error)
        return None


def _torch_seconds(given: TorchGiven) -> Seconds:
    """Of the loss with a tape and without, and of a backward pass; JAX's to be filled in."""
    leaves = given.leaves()
    plain, once_more = _without_tape(given), _without_tape(given)
    loss, recorded = fastest(lambda: given.loss(leaves, given.inputs, given.targets), CALLS)
    _, backward = fastest(lambda: loss.backward(retain_graph=True), CALLS)
    return Seconds(plain, recorded, backward, 0.0, 0.0, 0.0, once_more)
