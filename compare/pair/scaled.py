"""Optimizers whose gradients are those of a scaled loss, as layers in float16 need them."""

from dataclasses import dataclass

from compare.pair.pair import Optimizers


@dataclass(frozen=True)
class Scaled(Optimizers):
    """How each side trains, and how the loss is scaled; gradients are clipped after the scale is divided out.

    Attributes:
        port: an optax transformation that does the clipping.
        scale: the loss's at first; growth_interval: sound steps after which it is doubled.
        max_norm: to which the reference's gradients are clipped.
    """

    scale: float = 2.0**16
    growth_interval: int = 2000
    max_norm: float = 1.0
