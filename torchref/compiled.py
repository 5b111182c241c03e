"""torch.compile and torch.export: what is recorded, how often, and what the record is bound to.

A function that compiles takes what compiles as its last argument, so that a reader can put another in its place:
``partial(torch.compile, backend="eager")``, or ``lambda function: function`` to run it as it is written.
"""

import io
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Compile = Callable[..., Callable[..., Any]]


def compiled_step(
    weights: Float[Tensor, "inputs outputs"],
    bias: Float[Tensor, "outputs"],
    inputs: Float[Tensor, "batch inputs"],
    targets: Float[Tensor, "batch outputs"],
    compile: Compile = torch.compile,
) -> tuple[Float[Tensor, "inputs outputs"], Float[Tensor, "outputs"]]:
    """Three training steps with a compiled loss: one result, traced once.

    Returns:
        The weights and the bias after them.
    """

    def loss(weights: Tensor, bias: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        return (torch.tanh(inputs @ weights + bias) - targets).square().mean()

    # The graph is the loss alone: the tape runs its backward pass, and the optimizer its step, as ever.
    compiled = compile(loss)
    weights, bias = weights.clone().requires_grad_(), bias.clone().requires_grad_()
    optimizer = torch.optim.SGD([weights, bias], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        compiled(weights, bias, inputs, targets).backward()
        optimizer.step()
    return weights, bias


def noted(x: Float[Tensor, "outputs"], compile: Compile = torch.compile) -> list[str]:
    """Three calls of a compiled function that also appends to a list: the list, as long as it became."""
    notes: list[str] = []

    def square(x: Tensor) -> Tensor:
        notes.append("called")  # done again at each call; and the longer list is a new program each time
        return x.square()

    compiled = compile(square)
    for _ in range(3):
        compiled(x)
    return notes


def centred(x: Tensor) -> Tensor:
    """A branch on a value, as one would write it: ``x (batch,)`` less its mean, or half of it."""
    if x.sum() > 0:  # Python needs the number: the graph ends here, and the branch taken becomes another
        return x - x.mean()
    return x / 2


def branches(
    values: Float[Tensor, "batch"], compile: Compile = torch.compile
) -> tuple[Float[Tensor, "two batch"], Float[Tensor, "two batch"]]:
    """The branch as data, in two ways, each of them one program.

    Returns:
        By ``where`` and by ``cond``, of the values and of the values with their sign turned.
    """

    def by_where(x: Tensor) -> Tensor:
        return torch.where(x.sum() > 0, x - x.mean(), x / 2)  # both branches are computed, one is kept

    def by_cond(x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x - x.mean(), lambda x: x / 2, (x,))  # only one is computed

    where, cond = compile(by_where), compile(by_cond)
    return torch.stack([where(values), where(-values)]), torch.stack([cond(values), cond(-values)])


def recompilation(rows: Float[Tensor, "batch inputs"], compile: Compile = torch.compile) -> Float[Tensor, "sizes"]:
    """The mean power of batches of 2, 3, 4 and 5 rows: two programs, since the second is for any size."""

    def power(x: Tensor) -> Tensor:
        return x.square().sum(1).mean()

    compiled = compile(power)
    return torch.stack([compiled(rows[:size]) for size in (2, 3, 4, 5)])


def one_program(rows: Float[Tensor, "batch inputs"], compile: Compile = torch.compile) -> Float[Tensor, "sizes"]:
    """The same from one program: the size is a variable from the start."""

    def power(x: Tensor) -> Tensor:
        return x.square().sum(1).mean()

    compiled = compile(power, dynamic=True)
    return torch.stack([compiled(rows[:size]) for size in (2, 3, 4, 5)])


def export(
    weights: Float[Tensor, "outputs inputs"], bias: Float[Tensor, "outputs"], inputs: Float[Tensor, "batch inputs"]
) -> tuple[torch.export.ExportedProgram, nn.Module, nn.Module]:
    """A layer as a program in bytes: saved, loaded, called without its Python, and the sizes it is bound to.

    Returns:
        The program, what is loaded from its bytes, and a program for batches of any size.
    """
    model = nn.Sequential(nn.Linear(weights.shape[1], weights.shape[0], device="meta"), nn.Tanh())  # nothing is drawn
    model.load_state_dict({"0.weight": weights, "0.bias": bias}, assign=True)

    program = torch.export.export(model, (inputs,))  # bound to the shape of inputs
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()  # has its weights with it

    batch = torch.export.Dim("batch")
    unbound = torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},)).module()
    return program, loaded, unbound
