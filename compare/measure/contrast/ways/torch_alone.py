"""PyTorch on vectors: what no pair has in it. Each function returns what is run, on ``given.point``."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, jvp

from compare.measure.contrast.capability import NotHereError
from compare.measure.contrast.ways.given_torch import TorchGiven

Step = Callable[[], Any]


def data_dependent_branch(given: TorchGiven) -> Step:
    @torch.compile(backend="eager", fullgraph=True)
    def branching(x: Tensor) -> Tensor:
        return (x**2).sum() if x.sum() > 0 else (x**3).sum()

    return lambda: gradient_at(given.point, branching)


def data_dependent_branch_otherwise(given: TorchGiven) -> Step:
    def branching(x: Tensor) -> Tensor:
        return (x**2).sum() if x.sum() > 0 else (x**3).sum()  # without fullgraph, or without compiling

    return lambda: gradient_at(given.point, branching)


def loop_of_unknown_length(given: TorchGiven) -> Step:
    def doubled(x: Tensor) -> Tensor:
        while x.sum() < 20:
            x = x * 2
        return (x**2).sum()

    return lambda: gradient_at(given.point, doubled)


def in_place_mutation(given: TorchGiven) -> Step:
    def written(x: Tensor) -> Tensor:
        y = x * 2
        y[0] = x[1] * x[2]
        return (y**2).sum()

    return lambda: gradient_at(given.point, written)


def overwriting_what_is_kept(given: TorchGiven) -> Step:
    def overwritten(x: Tensor) -> Tensor:
        y = x.exp()  # keeps its own result
        y += 1
        return y.sum()

    return lambda: gradient_at(given.point, overwritten)


def overwriting_what_is_kept_otherwise(given: TorchGiven) -> Step:
    return lambda: gradient_at(given.point, lambda x: (x.exp() + 1).sum())


class Cube(torch.autograd.Function):
    """A rule of one's own, backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradients[0]


def custom_derivative(given: TorchGiven) -> Step:
    return lambda: gradient_at(given.point, lambda x: Cube.apply(x).sum())


def twice_through_a_custom_rule(given: TorchGiven) -> Step:
    def step() -> Tensor:
        x = given.point.clone().requires_grad_()
        (first,) = torch.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
        return torch.autograd.grad(first.sum(), x)[0]

    return step


def forward_through_a_custom_rule(given: TorchGiven) -> Step:
    return lambda: jvp(lambda x: Cube.apply(x).sum(), (given.point,), (torch.ones_like(given.point),))[1]


class CubeForwards(torch.autograd.Function):
    """The same with a rule for either direction."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradients[0]

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * tangents[0]


def forward_through_a_custom_rule_otherwise(given: TorchGiven) -> Step:
    return lambda: jvp(lambda x: CubeForwards.apply(x).sum(), (given.point,), (torch.ones_like(given.point),))[1]


class Solved(torch.autograd.Function):
    """z with z + tanh(A z) / 5 = x, by iteration; backwards one linear solve, whatever the iteration was."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, x: Tensor) -> Tensor:
        z = torch.zeros_like(x)
        for _ in range(200):
            z = x - torch.tanh(matrix @ z / 4) / 5
        ctx.save_for_backward(matrix, z)
        return z

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        matrix, z = ctx.saved_tensors
        slope = torch.eye(len(z), dtype=z.dtype) + (1 - torch.tanh(matrix @ z / 4) ** 2)[:, None] * matrix / 20
        return None, torch.linalg.solve(slope.T, gradients[0])


def implicit_function(given: TorchGiven) -> Step:
    return lambda: gradient_at(given.point, lambda x: (Solved.apply(given.matrix, x) ** 2).sum())


def of_a_vector(given: TorchGiven) -> Step:
    return lambda: gradient_at(given.point, lambda x: x**2)


def of_a_vector_otherwise(given: TorchGiven) -> Step:
    def step() -> Tensor:
        x = given.point.clone().requires_grad_()
        y = x**2
        y.backward(torch.ones_like(y))
        assert x.grad is not None
        return x.grad

    return step


def by_integers(given: TorchGiven) -> Step:
    return lambda: gradient_at(torch.arange(4), lambda n: (n * given.point).sum())


def numpy_inside(given: TorchGiven) -> Step:
    return lambda: gradient_at(given.point, lambda x: torch.from_numpy(x.numpy() ** 2).sum())


def numpy_inside_otherwise(given: TorchGiven) -> Step:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.from_numpy(x.detach().numpy() ** 2)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Tensor:
            return 2 * ctx.saved_tensors[0] * gradients[0]

    return lambda: gradient_at(given.point, lambda x: Square.apply(x).sum())


def two_devices(given: TorchGiven) -> Step:
    count = torch.accelerator.device_count() if torch.accelerator.is_available() else 1
    if count < 2:
        raise NotHereError(f"there is {count} device here")
    first, second = (torch.device(torch.accelerator.current_accelerator().type, at) for at in (0, 1))  # type: ignore[union-attr]
    return lambda: gradient_at(given.point, lambda x: ((x.to(first) ** 2).to(second) * 3).sum())


def third_derivative(given: TorchGiven) -> Step:
    return lambda: grad(grad(grad(torch.tanh)))(given.point[0])


def gradient_at(point: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """By ``backward()``."""
    x = point.clone().requires_grad_()
    function(x).backward()
    assert x.grad is not None
    return x.grad
