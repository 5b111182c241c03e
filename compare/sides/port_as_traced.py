"""The port's own program at the working precision, computed in float64: how large rounding is in a port that cannot run
there.

A port that refuses float64 (a kernel for one dtype, a scan whose carry is float32) is still traced at the working
precision, into a program of operations that have no opinion on dtypes. The program is evaluated in float64.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from compare.arrays.batch import Batch
from compare.frameworks.integers import without_x64
from compare.frameworks.islands.replay import Operand, is_unpromotable, operations_of, replay
from compare.frameworks.models.modes import Mode
from compare.pair.prepared import Prepared
from compare.sides.port import PortSide
from compare.sides.port_forward import Form, Leaves, Tree
from compare.sides.port_forward import Program as Key
from compare.verdict.precision import FLOAT64, Precision

WIDE = {jnp.dtype("float64"), jnp.dtype("complex128")}


class PortAsTraced(PortSide):
    """Runs in float64 what ``PortSide`` runs at ``precision``: its scalar constants as the decimals that they were
    written as, arrays that it closes over as they are.

    Attributes:
        outside: whether a program that a run was made of calls something outside of JAX, which ran at ``precision``.
    """

    def __init__(
        self, prepared: Prepared, precision: Precision, device: jax.Device, shapes: dict[Key, Leaves] | None = None
    ) -> None:
        super().__init__(prepared, FLOAT64, device, shapes=shapes)
        self.prepared = prepared  # modules keep the dtypes that they were given
        self.traced_at = jnp.dtype(precision.name)
        self.outside = False

    def _compiled(self, function: Callable[..., Tree]) -> jax.stages.Wrapped:
        def evaluated(*args: Tree, mode: Mode, form: Form) -> Tree:
            with without_x64():
                program, shape = jax.make_jaxpr(
                    lambda *structs: function(*structs, mode=mode, form=form), return_shape=True
                )(*jax.tree.map(self._struct, args))
            for eqn in operations_of(program):
                self.outside |= is_unpromotable(eqn)
                if any(self._is_lower(variable.aval) for variable in eqn.outvars):
                    raise TypeError(f"{eqn.primitive} goes below {self.traced_at}: {eqn.outvars[0].aval}")
            return jax.tree.unflatten(jax.tree.structure(shape), replay(program, jax.tree.leaves(args)))

        return jax.jit(evaluated, static_argnames=("mode", "form"))

    def outputs(self, leaves: Leaves, inputs: Leaves, masks: tuple, batch: Batch, mode: Mode) -> Leaves:
        with without_x64():
            structs: tuple[Leaves, Leaves, tuple] = jax.tree.map(self._struct, (leaves, inputs, masks))
            return super().outputs(*structs, batch, mode)

    def _struct(self, value: Operand) -> jax.ShapeDtypeStruct:
        aval: Any = value if isinstance(value, jax.ShapeDtypeStruct) else jax.typeof(value)
        dtype = aval.dtype
        if dtype in WIDE:
            dtype = jnp.dtype("complex64") if dtype.kind == "c" else self.traced_at
        return jax.ShapeDtypeStruct(aval.shape, dtype, weak_type=aval.weak_type)

    def _is_lower(self, aval: Operand) -> bool:
        """Whether something is computed below the working precision: that it was is no rounding of a float64 run."""
        dtype = getattr(aval, "dtype", None)
        floats = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
        return floats and jnp.finfo(dtype).nmant < jnp.finfo(self.traced_at).nmant
