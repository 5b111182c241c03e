"""PyTorch on the pair: each function returns what is run, on ``given.loss(params, inputs, targets)``, a number."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev, jvp, vmap
from torch.utils.checkpoint import checkpoint

from compare.measure.contrast.ways.given_torch import Params, TorchGiven

Step = Callable[[], Any]


def value_and_gradient(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        given.loss(leaves, given.inputs, given.targets).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def accumulation(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        for _ in range(2):
            given.loss(leaves, given.inputs, given.targets).backward()  # adds to .grad
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def backward_twice(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        loss = given.loss(leaves, given.inputs, given.targets)
        loss.backward()
        loss.backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def backward_twice_otherwise(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        loss = given.loss(leaves, given.inputs, given.targets)
        loss.backward(retain_graph=True)
        loss.backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def gradient_of_a_gradient(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        loss = given.loss(leaves, given.inputs, given.targets)
        first = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
        sum((one**2).sum() for one in first).backward()  # type: ignore[union-attr]
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def forward_mode(given: TorchGiven) -> Step:
    def step() -> Tensor:
        def loss(params: Params) -> Tensor:
            return given.loss(params, given.inputs, given.targets)

        return jvp(loss, (given.params,), (given.params,))[1]

    return step


def hessian_vector_product(given: TorchGiven) -> Step:
    def step() -> Params:
        def loss(params: Params) -> Tensor:
            return given.loss(params, given.inputs, given.targets)

        return jvp(grad(loss), (given.params,), (given.params,))[1]

    return step


def hessian_vector_product_otherwise(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        loss = given.loss(leaves, given.inputs, given.targets)
        first = torch.autograd.grad(loss, list(leaves.values()), create_graph=True, materialize_grads=True)
        along = [(one * given.params[name]).sum() for name, one in zip(leaves, first, strict=True)]
        sum(along, start=torch.zeros(())).backward()  # backward over backward, on the tape
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def jacobian(given: TorchGiven) -> Step:
    return lambda: jacrev(lambda row: given.outputs(given.params, given.with_input(row)))(given.first_row)


def per_sample_gradients(given: TorchGiven) -> Step:
    def step() -> Params:
        def loss(params: Params, inputs: Params, targets: Params) -> Tensor:
            rows = [{name: one[None] for name, one in each.items()} for each in (inputs, targets)]
            return given.loss(params, *rows)

        return vmap(grad(loss), (None, 0, 0))(given.params, given.inputs, given.targets)

    return step


def by_the_inputs(given: TorchGiven) -> Step:
    def step() -> Tensor:
        own = given.floating.detach().requires_grad_()
        given.loss(given.params, given.with_input(own), given.targets).backward()
        assert own.grad is not None
        return own.grad

    return step


def part_of_the_parameters(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = {name: leaf.requires_grad_(name in given.some) for name, leaf in given.leaves().items()}
        given.loss(leaves, given.inputs, given.targets).backward()
        return {name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for name, leaf in leaves.items()}

    return step


def stop_in_the_middle(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        outputs = given.outputs(leaves, given.inputs)
        (outputs * outputs.detach()).sum().backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def checkpointing(given: TorchGiven) -> Step:
    def step() -> Params:
        leaves = given.leaves()
        checkpoint(given.loss, leaves, given.inputs, given.targets, use_reentrant=False).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def under_compilation(given: TorchGiven) -> Step:
    module: Any = torch.compile(given.module, backend="aot_eager")  # traced and partitioned; kernels as they are

    def step() -> Params:
        leaves = given.leaves()
        functional_call(module, given.named_in(module, leaves), (given.inputs, given.targets)).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    return step


def vectorised(given: TorchGiven) -> Step:
    def step() -> Params:
        def loss(params: Params) -> Tensor:
            return given.loss(params, given.inputs, given.targets)

        three = {name: torch.stack([one, 1.5 * one, 2 * one]) for name, one in given.params.items()}
        return vmap(grad(loss))(three)

    return step
