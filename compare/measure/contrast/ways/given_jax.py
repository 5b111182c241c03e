"""What the ways on JAX's side are given: the pair's loss as a function of its parameters, and vectors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.measure.contrast.ways.given_inputs import GivenInputs
from compare.measure.contrast.ways.vectors import MATRIX, POINT
from compare.pair.pair import Entering, cotangent_of
from compare.sides.port_forward import PortForward

Tree = Any  # of parameters, as the port's library has them


class JaxGiven(GivenInputs[jax.Array]):
    """The pair on JAX's side; made, and used, inside the side's ``x64``.

    Attributes:
        params: the tree of parameters. inputs, targets: arrays by name.
        point, matrix: a vector (4,) and a positive matrix (4, 4) for ways of their own.
    """

    def __init__(self, side: PortForward, entering: Entering) -> None:
        self._side, self._batch = side, entering.batches[0]
        leaves = side.leaves(entering)
        self.inputs, self.targets = side.batch(self._batch)
        self.params, self._rest = side.tree(leaves)
        dtype = np.dtype(side.precision.name)
        self.point, self.matrix = (jnp.asarray(np.asarray(one, dtype)) for one in (POINT, MATRIX))

    def is_floating(self, one: jax.Array) -> bool:
        """Whether it is of floats or complex numbers."""
        return bool(jnp.issubdtype(one.dtype, jnp.inexact))

    def loss(self, params: Tree, inputs: Tree, targets: Tree) -> jax.Array:
        """A number."""
        return self._side.loss_of(inputs, targets, self._batch, drawing=True)(params, self._rest)[0]

    def cotangents(self) -> list[np.ndarray]:
        """What the outputs of a pair without a loss are multiplied by: nothing of the pair's."""
        if self._side.pair.loss is not None:
            return []
        shapes = jax.eval_shape(
            lambda params: self._side.named_outputs(params, self._rest, self.inputs, self._batch), self.params
        )
        floats = {name: one for name, one in shapes.items() if self.is_floating(one)}
        return [
            cotangent_of(name, one.shape, 0, self._side.precision, jnp.issubdtype(one.dtype, jnp.complexfloating))
            for name, one in floats.items()
        ]

    def outputs(self, params: Tree, inputs: Tree) -> jax.Array:
        """The first floating output, in the reference's layout."""
        named = self._side.named_outputs(params, self._rest, inputs, self._batch)
        return next(one for one in named.values() if self.is_floating(one))
