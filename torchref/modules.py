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


def module(
    images: Float[Tensor, "batch channels height width"],
    W1: Float[Tensor, "hidden pixels"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """A module's parameters: found, counted, named, given, moved, and used in both of its forms."""
    with torch.device("meta"):  # shapes without memory: nothing is drawn that the weights below would replace
        model, listed = MLP(), Listed()
    count = sum(parameter.numel() for parameter in model.parameters())
    inventory = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}

    weights = {"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2}
    given = functional_call(model, weights, images)  # the module as a function of its weights

    model = model.to_empty(device="cpu")
    model.load_state_dict(weights)  # copies into the module's own memory; a missing name raises
    moved = model.to(images.device)  # every parameter at once, in place: it returns the module itself
    held = moved(images)
    try:
        model.load_state_dict({"net.1.weight": W1})
    except RuntimeError as error:
        refused = str(error)
    return {
        "parameters": count,
        "inventory": inventory,
        "parameters in a plain list": sum(parameter.numel() for parameter in listed.parameters()),
        "logits, weights given": given,
        "logits, weights held": held,
        "both forms agree": torch.equal(given, held),
        "moving returns the same object": moved is model,
        "refused": refused,
    }


def initialisers(generator: torch.Generator) -> dict[str, object]:
    """What a linear layer starts from by default, and how to have the other framework's default."""
    fan_in, outputs = 784, 128
    with torch.random.fork_rng(devices=[]):  # a module draws from the global generator: it takes no other
        torch.set_rng_state(generator.get_state())
        default = nn.Linear(fan_in, outputs)

    # Asked for by name, from the same state: a=sqrt(5) is a gain of sqrt(1/3), so the bound is 1/sqrt(fan_in).
    weight, bias = torch.empty(outputs, fan_in), torch.empty(outputs)
    bound = nn.init.calculate_gain("leaky_relu", math.sqrt(5)) * math.sqrt(3 / fan_in)
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    nn.init.uniform_(bias, -bound, bound, generator=generator)

    # Flax's: normal, cut at two standard deviations, then widened by what the cut takes away.
    spread, cut = 1 / math.sqrt(fan_in), 0.87962566103423978
    other = nn.init.trunc_normal_(
        torch.empty(outputs, fan_in), std=spread / cut, a=-2 * spread / cut, b=2 * spread / cut, generator=generator
    )
    deviation, drawn = bound / math.sqrt(3), weight.std().item()
    other_drawn, other_bound = other.std().item(), 2 * spread / cut
    largest, other_largest = (one.abs().max().item() for one in (weight, other))
    slack = 1 + 1e-6  # a float32 draw of exactly the bound may exceed the bound in float64
    return {
        "default, by name": torch.equal(default.weight, weight) and torch.equal(default.bias, bias),
        "torch: bound": bound,
        "torch: standard deviation": deviation,
        "Flax: bound": other_bound,
        "Flax: standard deviation": spread,
        "torch: drawn within the bound": max(largest, bias.abs().max().item()) <= bound * slack,
        "torch: drawn up to the bound": largest > 0.99 * bound,
        "torch: drawn deviation within 1%": abs(drawn / deviation - 1) < 0.01,
        "torch: drawn standard deviation": drawn,
        "Flax: drawn within the bound": other_largest <= other_bound * slack,
        "Flax: drawn up to the bound": other_largest > 0.99 * other_bound,
        "Flax: drawn deviation within 1%": abs(other_drawn / spread - 1) < 0.01,
        "Flax: drawn standard deviation": other_drawn,
        "default bias, largest": default.bias.abs().max().item(),
    }
