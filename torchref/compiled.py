"""torch.compile and torch.export: what is recorded, how often, and what the record is bound to."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn


def compiled_step(
    weights: Float[Tensor, "inputs outputs"],
    bias: Float[Tensor, "outputs"],
    inputs: Float[Tensor, "batch inputs"],
    targets: Float[Tensor, "batch outputs"],
) -> dict[str, object]:
    """Three training steps as written and compiled: one result, traced once."""
    notes: list[str] = []
    graphs: list[fx.GraphModule] = []

    def backend(graph: fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)  # a backend is given each graph once, to make a program of it
        return graph.forward  # this one runs it as it is

    def loss(weights: Tensor, bias: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        return (torch.tanh(inputs @ weights + bias) - targets).square().mean()

    def train(loss: Any) -> list[Tensor]:
        params = [weights.clone().requires_grad_(), bias.clone().requires_grad_()]
        optimizer = torch.optim.SGD(params, lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss(*params, inputs, targets).backward()
            optimizer.step()
        return params

    as_written = train(loss)

    def noted(x: Tensor) -> Tensor:
        notes.append("called")  # what the body does to a Python list is done again at each call
        return x.square()

    try:
        # The graph is the loss alone: the tape runs its backward pass, and the optimizer its step, as ever.
        compiled = train(torch.compile(loss, backend=backend, fullgraph=True))
        traced = len(graphs)
        square = torch.compile(noted, backend=backend)
        for _ in range(3):
            square(bias)
    finally:
        torch.compiler.reset()  # compiled code stays with the code it came from until then
    return {
        "weights as written": as_written[0],
        "weights compiled": compiled[0],
        "bias compiled": compiled[1],
        "times traced": traced,
        "notes of three calls": len(notes),
        "times traced with notes": len(graphs) - traced,
    }


def branches(values: Float[Tensor, "batch"]) -> dict[str, object]:
    """A branch on a value: what the compiler makes of it, and two ways to write it as data."""
    graphs: list[fx.GraphModule] = []

    def backend(graph: fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    def centred(x: Tensor) -> Tensor:
        if x.sum() > 0:  # Python needs the number: the graph ends here, and the branch taken becomes another
            return x - x.mean()
        return x / 2

    def selected(x: Tensor) -> Tensor:
        return torch.where(x.sum() > 0, x - x.mean(), x / 2)  # both branches are computed, one is kept

    def conditional(x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x - x.mean(), lambda x: x / 2, (x,))  # only one is computed

    by_where = torch.compile(selected, backend=backend, fullgraph=True)
    by_cond = torch.compile(conditional, backend="eager", fullgraph=True)
    try:
        as_written = torch.compile(centred, backend=backend)
        results = torch.stack([as_written(values), as_written(-values)])
        cut = len(graphs)
        try:
            torch.compile(centred, backend="eager", fullgraph=True)(values)
        except RuntimeError as error:
            refused = str(error).splitlines()[0]
        where = torch.stack([by_where(values), by_where(-values)])
        cond = torch.stack([by_cond(values), by_cond(-values)])
    finally:
        torch.compiler.reset()
    return {
        "as written": results,
        "graphs as written": cut,  # up to the test, and one for each branch
        "refused": refused,
        "by where": where,
        "by cond": cond,
        "programs by where": len(graphs) - cut,
    }


def recompilation(rows: Float[Tensor, "batch inputs"]) -> dict[str, object]:
    """Batches of 2, 3, 4 and 5 rows: how many programs are compiled for them."""

    def compiled(dynamic: bool | None) -> tuple[Tensor, int]:
        graphs: list[fx.GraphModule] = []

        def backend(graph: fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
            graphs.append(graph)
            return graph.forward

        power = torch.compile(lambda x: x.square().sum(1).mean(), backend=backend, dynamic=dynamic)
        try:
            powers = torch.stack([power(rows[:size]) for size in (2, 3, 4, 5)])
        finally:
            torch.compiler.reset()
        return powers, len(graphs)

    by_default, few = compiled(dynamic=None)  # once a size has changed, the second program takes any
    _, many = compiled(dynamic=False)
    at_once, one = compiled(dynamic=True)
    return {
        "power": by_default,
        "programs by default": few,
        "a program for each shape": many,
        "power by one program": at_once,
        "a program for all": one,
    }


def export(
    weights: Float[Tensor, "outputs inputs"], bias: Float[Tensor, "outputs"], inputs: Float[Tensor, "batch inputs"]
) -> dict[str, object]:
    """A layer as a program in bytes: saved, loaded, called without its Python, and the sizes it is bound to."""
    linear = nn.Linear(weights.shape[1], weights.shape[0], device="meta")  # no memory, no random numbers
    linear.load_state_dict({"weight": weights, "bias": bias}, assign=True)
    model = nn.Sequential(linear, nn.Tanh())

    program = torch.export.export(model, (inputs,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    with warnings.catch_warnings():  # torch 2.11 says of the bytes that they are read-only; nothing writes there
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        loaded = torch.export.load(file).module()
    shorter = inputs[:-1]
    try:
        loaded(shorter)
    except (AssertionError, RuntimeError) as error:  # which of the two depends on the version
        refused = str(error).splitlines()[0]

    batch = torch.export.Dim("batch")
    unbound = torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},)).module()
    (name,) = program.graph_signature.user_inputs
    (recorded,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    return {
        "output": model(inputs),
        "output loaded": loaded(inputs),
        "shape recorded": tuple(recorded),
        "one row fewer": refused,
        "one row fewer, unbound": unbound(shorter),
        "arrays inside": sorted(program.state_dict),
    }
