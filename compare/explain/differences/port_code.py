"""JAX's side of a row: an expression run in float64 on the reference's inputs and weights."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import in_one_line, swallowed
from compare.explain.differences.outcome import Outcome
from compare.explain.differences.reference_code import SAID, SEED, cotangent
from compare.explain.differences.row_inputs import Given
from compare.frameworks.names_in_code import PORT_NAMES


def run_port(code: str, inputs: Given, state: Arrays, trained: list[str]) -> Outcome:
    """What comes of ``inputs`` and of the reference's ``state``, with the gradients of what moves and of the
    parameters, ``trained``."""
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = {name: jnp.asarray(x) for name, x in (state | inputs.arrays).items()}
        moving = {name: given[name] for name in (*inputs.moving, *trained)}

        def function(floats: dict[str, Any]) -> tuple[list[Any], list[Any]]:
            made = [jnp.asarray(x) for x in jax.tree.leaves(_evaluate(code, given | floats))]
            return [x for x in made if jnp.issubdtype(x.dtype, jnp.floating)], made

        try:
            floating, back, made = jax.vjp(function, moving, has_aux=True)
            places = [place for place, x in enumerate(made) if jnp.issubdtype(x.dtype, jnp.floating)]
            along = [jnp.asarray(cotangent(p, x.shape), x.dtype) for p, x in zip(places, floating, strict=True)]
            slopes = back(along)[0]
        except Exception as error:
            swallowed(error)
            return Outcome(raised=in_one_line(error, SAID))
        outputs = iter(floating)
        whole = [next(outputs) if place in places else x for place, x in enumerate(made)]
        return Outcome(tuple(np.asarray(x) for x in whole), {name: np.asarray(x) for name, x in slopes.items()})


def sample_port(code: str) -> np.ndarray:
    """What an expression draws from ``key``."""
    with jax.enable_x64(True):
        return np.concatenate([np.asarray(x).reshape(-1) for x in jax.tree.leaves(_evaluate(code, {}))])


def _evaluate(code: str, given: dict[str, Any]) -> Any:
    return eval(
        code.strip(), {**PORT_NAMES, "key": jax.random.key(SEED), "rngs": PORT_NAMES["nnx"].Rngs(SEED), **given}
    )
