"""Ways to train that have a name, in both forms: optimizer, schedule, clipping, accumulation, precision."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from compare.errors import UsageError, did_you_mean, nearest
from compare.pair.pair import Optimizers, Pair
from compare.pair.scaled import Scaled
from compare.pair.stepped import accumulating

MAX_NORM = 1.0
PARTS = 4  # gradients that make one step
SCALE, SOUND = 2.0**20, 100  # a loss's scale that overflows at first, and sound steps after which it is doubled


def _sgd(pair: Pair, steps: int) -> Pair:
    """SGD with momentum, dropped to a tenth after half and three quarters of the way."""
    import jaxport.optimizers as port
    import torchref.optimizers as reference

    milestones = (steps // 2, 3 * steps // 4)

    def in_torch(parameters: Any) -> Any:
        optimizer = reference.sgd(parameters, 0.1, weight_decay=1e-4)
        return optimizer, reference.multi_step_lr(optimizer, milestones)

    return replace(
        pair, optimizers=Optimizers(in_torch, lambda: port.sgd(port.multi_step_lr(0.1, milestones), weight_decay=1e-4))
    )


def _one_cycle(pair: Pair, steps: int) -> Pair:
    """SGD whose learning rate goes up and down once, and its momentum down and up."""
    import jaxport.optimizers as port
    import torchref.optimizers as reference

    def in_torch(parameters: Any) -> Any:
        optimizer = reference.sgd(parameters)
        return optimizer, reference.one_cycle_lr(optimizer, 0.2, steps + 1)

    return replace(pair, optimizers=Optimizers(in_torch, lambda: port.sgd(*port.one_cycle_lr(0.2, steps + 1))))


def _adamw_cosine(pair: Pair, steps: int) -> Pair:
    """AdamW on matrices and biases apart, a warm-up and a cosine, gradients clipped by their norm."""
    import optax

    import jaxport.optimizers as port
    import torchref.optimizers as reference

    warmup = max(1, steps // 20)

    def in_torch(parameters: Any) -> Any:
        own = list(parameters)
        optimizer = reference.adamw(reference.decayed(own, 1e-2), 2e-3)

        def clip(*_: object) -> None:
            reference.clip_grad_norm(own, MAX_NORM)

        optimizer.register_step_pre_hook(clip)
        return optimizer, reference.warmup_then_cosine(optimizer, warmup, steps)

    def in_jax() -> Any:
        rate = port.warmup_then_cosine(2e-3, warmup, steps)
        return optax.chain(port.clip_grad_norm(MAX_NORM), port.adamw(rate, mask=port.decayed))

    return replace(pair, optimizers=Optimizers(in_torch, in_jax))


def _nadam(pair: Pair, steps: int) -> Pair:
    """NAdam, its rate falling in every step."""
    import jaxport.optimizers as port
    import torchref.optimizers as reference

    gamma = 0.1 ** (1 / max(1, steps))

    def in_torch(parameters: Any) -> Any:
        optimizer = reference.nadam(parameters, 2e-3)
        return optimizer, reference.exponential_lr(optimizer, gamma)

    return replace(pair, optimizers=Optimizers(in_torch, lambda: port.nadam(port.exponential_lr(2e-3, gamma))))


def _accumulated(pair: Pair, steps: int) -> Pair:
    """SGD with momentum, one step with the mean of four gradients."""
    import jaxport.optimizers as port
    import torchref.optimizers as reference

    def in_torch(parameters: Any) -> Any:
        return accumulating(reference.sgd(parameters, 0.1), PARTS)

    return replace(pair, optimizers=Optimizers(in_torch, lambda: port.accumulate(port.sgd(0.1), PARTS)))


def _bfloat16(pair: Pair, steps: int) -> Pair:
    """AdamW on float32 weights, the layers in bfloat16: autocast beside a Flax dtype."""
    import jaxport.optimizers as port
    import torchref.optimizers as reference

    optimizers = Optimizers(lambda parameters: reference.adamw(parameters, 2e-3), lambda: port.adamw(2e-3))
    return replace(_lowered(pair, "bfloat16"), optimizers=optimizers)


def _float16(pair: Pair, steps: int) -> Pair:
    """AdamW on float32 weights, the layers in float16: the loss is scaled, and a step that overflows is skipped."""
    import optax

    import jaxport.optimizers as port
    import torchref.optimizers as reference

    def in_jax() -> Any:
        return optax.chain(port.clip_grad_norm(MAX_NORM), port.adamw(2e-3))

    optimizers = Scaled(lambda parameters: reference.adamw(parameters, 2e-3), in_jax, {}, SCALE, SOUND, MAX_NORM)
    return replace(_lowered(pair, "float16"), optimizers=optimizers)


def _lowered(pair: Pair, name: str) -> Pair:
    """The perceptron with its layers in a low precision, by its name."""
    import jax.numpy as jnp
    import torch

    import jaxport.features
    import torchref.features

    (hidden, pixels), (classes, _) = (pair.reference.net[layer].weight.shape for layer in (1, 3))
    return replace(
        pair,
        reference=torchref.features.LowMLP(pixels, hidden, classes, getattr(torch, name)),
        port=jaxport.features.LowMLP(hidden, classes, getattr(jnp, name)),
    )


RECIPES: dict[str, Callable[[Pair, int], Pair]] = {
    "sgd-steps": _sgd,
    "one-cycle": _one_cycle,
    "adamw-cosine": _adamw_cosine,
    "nadam": _nadam,
    "accumulated": _accumulated,
    "bfloat16": _bfloat16,
    "float16": _float16,
}


def check_recipe(name: str) -> None:
    """Refuse what is no recipe's name.

    Raises:
        UsageError: there is none; the message names them.
    """
    if name not in RECIPES:
        hint = did_you_mean(nearest(name, RECIPES), f"expected one of {', '.join(RECIPES)}")
        raise UsageError(f"--recipe {name}: there is none{hint}; anything else goes into a pair's optimizers=")


def in_words(name: str) -> str:
    """Optimizer and schedule of a recipe, as one says them."""
    return (RECIPES[name].__doc__ or "").strip().rstrip(".")


def with_recipe(pair: Pair, name: str, steps: int) -> Pair:
    """``pair``, trained by the recipe of that name over so many steps.

    Raises:
        UsageError: there is none; the message names them.
    """
    check_recipe(name)
    return RECIPES[name](pair, steps)
