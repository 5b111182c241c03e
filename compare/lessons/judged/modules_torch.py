"""What is judged of torchref/modules.py."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from torchref.mlp import MLP
from torchref.modules import Listed, inventory

FAN_IN, OUTPUTS = 784, 128
CUT = 0.87962566103423978  # the deviation that a normal has left when it is cut at two of them
SLACK = 1 + 1e-6  # a float32 draw of exactly the bound may exceed the bound in float64


def module(
    function: Callable[..., tuple[Tensor, Tensor]],
    images: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor,
) -> Quantities:  # fmt: skip
    """The parameters that are found, named and moved, and the logits of both forms."""
    given, held = function(images, W1, b1, W2, b2)
    with torch.device("meta"):
        model, listed = MLP(), Listed()
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "inventory": inventory(model),
        "parameters in a plain list": sum(parameter.numel() for parameter in listed.parameters()),
        "logits, weights given": given,
        "logits, weights held": held,
        "both forms agree": torch.equal(given, held),
        "moving returns the same object": model.to("meta") is model,
        "refused": refused(lambda: model.load_state_dict({"net.1.weight": W1}, assign=True), RuntimeError),
    }


def initialisers(function: Callable[..., tuple[Tensor, Tensor, Tensor]], generator: torch.Generator) -> Quantities:
    """The theoretical bounds and deviations, what was drawn of them, and the default layer itself."""
    with torch.random.fork_rng(devices=[]):  # a module draws from the global generator: it takes no other
        torch.set_rng_state(generator.get_state())
        default = nn.Linear(FAN_IN, OUTPUTS)
    weight, bias, other = function(FAN_IN, OUTPUTS, generator)
    bound = nn.init.calculate_gain("leaky_relu", math.sqrt(5)) * math.sqrt(3 / FAN_IN)
    deviation, drawn = bound / math.sqrt(3), weight.std().item()
    spread, other_drawn = 1 / math.sqrt(FAN_IN), other.std().item()
    other_bound = 2 * spread / CUT
    largest, largest_bias, other_largest = (one.abs().max().item() for one in (weight, bias, other))
    return {
        "default, by name": torch.equal(default.weight, weight) and torch.equal(default.bias, bias),
        "torch: bound": bound,
        "torch: standard deviation": deviation,
        "Flax: bound": other_bound,
        "Flax: standard deviation": spread,
        "torch: drawn within the bound": max(largest, largest_bias) <= bound * SLACK,
        "torch: drawn up to the bound": largest > 0.99 * bound,
        "torch: drawn deviation within 1%": abs(drawn / deviation - 1) < 0.01,
        "torch: drawn standard deviation": drawn,
        "Flax: drawn within the bound": other_largest <= other_bound * SLACK,
        "Flax: drawn up to the bound": other_largest > 0.99 * other_bound,
        "Flax: drawn deviation within 1%": abs(other_drawn / spread - 1) < 0.01,
        "Flax: drawn standard deviation": other_drawn,
        "default bias, largest": default.bias.abs().max().item(),
    }
