"""The scale of a loss whose gradients pass through float16: ``torch.amp.GradScaler`` as a value and what follows it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class LossScale(NamedTuple):
    """By how much a loss is scaled, and for how many steps no gradient has overflowed since it changed.

    flax's ``DynamicScale`` doubles one step later than torch does.
    """

    scale: jax.Array
    sound: jax.Array
    growth_interval: int | jax.Array = 2000

    @classmethod
    def of(cls, scale: float = 2.0**16, growth_interval: int = 2000) -> "LossScale":
        """Before the first step."""
        return cls(jnp.float32(scale), jnp.int32(0), jnp.int32(growth_interval))

    def scaled(self, loss: jax.Array) -> jax.Array:
        """What is differentiated: a small gradient does not vanish in float16 on its way."""
        wide = _wide(loss)
        return wide * self.scale.astype(wide.dtype)

    def unscaled(self, grads: Any) -> tuple[Any, jax.Array]:
        """The gradients of the loss itself, and whether all of them are finite: clip these, not the scaled ones."""
        grads = jax.tree.map(lambda g: (_wide(g) / self.scale.astype(_wide(g).dtype)).astype(g.dtype), grads)
        return grads, jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]).all()

    def adjusted(self, finite: jax.Array) -> "LossScale":
        """Half of it after a step that overflowed, twice after so many sound ones."""
        sound = jnp.where(finite, self.sound + 1, 0)
        full = sound == self.growth_interval
        grown = jnp.where(full & jnp.isfinite(2 * self.scale), 2 * self.scale, self.scale)
        scale = jnp.where(finite, grown, self.scale / 2)
        return LossScale(scale, jnp.where(full, 0, sound), self.growth_interval)


def _wide(array: jax.Array) -> jax.Array:
    """In float32 at least: the scale that a run begins with is infinite in float16."""
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array


def choose(finite: jax.Array, new: Any, old: Any) -> Any:
    """``new`` where a step was sound, else ``old``: all or nothing."""
    return jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)
