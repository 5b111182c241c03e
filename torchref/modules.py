"""Modules: registration, the state by name, moving to a device, and what the parameters start from."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from torchref.mlp import MLP


class Listed(nn.Module):
    """Two layers kept in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(3, 3), nn.Linear(3, 3)]  # not looked into: nn.ModuleList is

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
        for layer in self.layers:
            x = layer(x)
        return x


def inventory(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter, by its name: the module, its layer's place in it, and what the layer calls it."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def module(
    images: Float[Tensor, "batch channels height width"],
    W1: Float[Tensor, "hidden pixels"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch classes"]]:
    """A module used in both of its forms: as a function that is given its weights, and as an object that holds them.

    Returns:
        The logits of the one and of the other.
    """
    with torch.device("meta"):  # shapes without memory: nothing is drawn that the weights below would replace
        model = MLP()
    weights = {"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2}
    given = functional_call(model, weights, images)

    model = model.to_empty(device="cpu")
    model.load_state_dict(weights)  # copies into the module's own memory; a missing name raises
    model.to(images.device)  # every parameter at once, in place
    held = model(images)
    return given, held


def initialisers(
    fan_in: int, outputs: int, generator: torch.Generator
) -> tuple[Float[Tensor, "outputs inputs"], Float[Tensor, "outputs"], Float[Tensor, "outputs inputs"]]:
    """What a linear layer starts from by default, and how to have the other framework's default.

    Returns:
        torch's default weight and bias, asked for by name, and a weight as Flax would draw it.
    """
    weight, bias, other = torch.empty(outputs, fan_in), torch.empty(outputs), torch.empty(outputs, fan_in)
    # torch's own. a=sqrt(5) is a gain of sqrt(1/3), so the bound of the weight is 1/sqrt(fan_in) too.
    bound = 1 / math.sqrt(fan_in)
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    nn.init.uniform_(bias, -bound, bound, generator=generator)
    # Flax's: normal, cut at two standard deviations, then widened by what the cut takes away. Its bias is zero.
    std = 1 / math.sqrt(fan_in) / 0.87962566103423978
    nn.init.trunc_normal_(other, std=std, a=-2 * std, b=2 * std, generator=generator)
    return weight, bias, other
