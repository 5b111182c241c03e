"""Whether an update rule depends on how large its parameters are: then small ones say nothing of it.

A group of all parameters of more than a thousand entries, a second moment that is factored from 128 rows on: on a few
entries of each parameter the rule would be another one, and a sound port could be accused.
"""

from collections.abc import Mapping

import jax
import numpy as np
import optax

from compare.frameworks.islands.replay import operations_of
from compare.pair.pair import Optimizers
from compare.pair.prepared import Prepared
from compare.sides.port_forward import Tree, is_parameter
from compare.sides.reference_rule import settings_of
from compare.sides.rule_inputs import RuleInputs, Shape


def depends_on_size(
    prepared: Prepared,
    training: Optimizers,
    optimizer: optax.GradientTransformation,
    inputs: RuleInputs,
    hyper: Mapping[str, float],
) -> str:
    """Which side's rule does, in words; empty where neither does, or parameters are whole.

    Raises:
        Exception: whatever an optimizer raises.
    """
    full = dict(prepared.reference.parameters)
    if all(tuple(shape) == tuple(full[name]) for name, shape in inputs.shapes.items()):
        return ""
    sides = []
    if settings_of(training, full, inputs.frozen, hyper) != settings_of(training, inputs.shapes, inputs.frozen, hyper):
        sides.append("the reference's")
    leaves = {path: tuple(shape) for path, shape in prepared.leaves.items() if is_parameter(path)}
    small = {path: leaf.shape for path, leaf in inputs.leaves.items()}
    if _operations(prepared, optimizer, leaves) != _operations(prepared, optimizer, small):
        sides.append("the port's")
    return " and ".join(sides)


def _operations(prepared: Prepared, optimizer: optax.GradientTransformation, shapes: Mapping[str, Shape]) -> list[str]:
    """The names of the operations of a first step on leaves of these shapes: nothing is computed."""

    def step(leaves: dict[str, jax.Array]) -> Tree:
        params = prepared.port.tree(leaves)
        return optimizer.update(params, optimizer.init(params), params)

    structs = {path: jax.ShapeDtypeStruct(shape, np.float32) for path, shape in shapes.items()}
    return [eqn.primitive.name for eqn in operations_of(jax.make_jaxpr(step)(structs))]
