"""Stochastic gradient descent, every hyper-parameter spelt out: the two frameworks' defaults differ."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxport.optimizers.checks import checked, is_known
from jaxport.optimizers.parts import Mask, Number, Rate, Setting, downhill, is_off, scheduled


def _nesterov_alone(given: Mapping[str, Any]) -> str:
    momentum, dampening = given["momentum"], given["dampening"]
    if given["nesterov"] and ((is_known(momentum) and momentum <= 0) or (is_known(dampening) and dampening != 0)):
        return f"nesterov: expected a momentum above 0 and no dampening, got {momentum!r} and {dampening!r}"
    return ""


@checked(_nesterov_alone)
def sgd(
    learning_rate: Rate = 0.1,
    momentum: Setting = 0.9,
    dampening: Number = 0.0,
    weight_decay: Setting = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Stochastic gradient descent with momentum: ``v = momentum * v + g``, then ``w = w - learning_rate * v``.

    ``optax.sgd`` has no weight decay and no dampening. torch's decay enters the momentum, so it stands before it here;
    dampening makes ``g`` ``(1 - dampening) * g`` in every step but the first. Nesterov's form beside it is refused, as
    in torch.

    Args:
        mask: of the weight decay, as in optax.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.sgd
    """
    if is_off(momentum):
        rule = optax.identity()
    elif not is_off(dampening):
        rule = scheduled(_dampened_trace, momentum=momentum, dampening=dampening, nesterov=nesterov)
    else:
        rule = scheduled(optax.trace, decay=momentum, nesterov=nesterov)
    return downhill(rule, learning_rate, weight_decay, maximize=maximize, mask=mask)


class _DampenedTraceState(NamedTuple):
    """The momentum, and how many gradients it has seen."""

    seen: jax.Array
    trace: Any


def _dampened_trace(momentum: Setting, dampening: Number, nesterov: bool) -> optax.GradientTransformation:
    """``optax.trace`` of gradients dampened but for the first; Nesterov's look ahead adds the whole gradient."""

    def init(params: Any) -> _DampenedTraceState:
        return _DampenedTraceState(jnp.zeros([], jnp.int32), optax.tree.zeros_like(params))

    def update(updates: Any, state: _DampenedTraceState, params: Any = None) -> tuple[Any, _DampenedTraceState]:
        share = jnp.where(state.seen == 0, 1.0, 1.0 - dampening)
        trace = jax.tree.map(lambda v, g: momentum * v + share.astype(g.dtype) * g, state.trace, updates)
        moved = jax.tree.map(lambda v, g: g + momentum * v, trace, updates) if nesterov else trace
        return moved, _DampenedTraceState(optax.safe_increment(state.seen), trace)

    return optax.GradientTransformation(init, update)
