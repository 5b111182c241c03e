"""What is judged of jaxport/compiled.py."""

from collections.abc import Callable

import jax
import jax.export
import jax.numpy as jnp
from jax import Array

from compare.lessons.judged.counted_jax import Compiled
from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from jaxport.compiled import centred, noted, one_program


def compiled_step(
    function: Callable[..., tuple[Array, Array]], weights: Array, bias: Array, inputs: Array, targets: Array
) -> Quantities:
    """The steps as written and compiled, and what is compiled for them and for a body that changes a list."""
    compile = Compiled()
    as_written = function(weights, bias, inputs, targets, compile=lambda written: written)
    made = function(weights, bias, inputs, targets, compile=compile)
    traced = compile.programs.total()
    return {
        "weights as written": as_written[0],
        "weights compiled": made[0],
        "bias compiled": made[1],
        "times traced": traced,
        "notes of three calls": len(noted(bias, compile)),
    }


def branches(function: Callable[..., tuple[Array, Array]], values: Array) -> Quantities:
    """What jit says to an if, and the programs of where and cond."""
    compile = Compiled()
    where, cond = function(values, compile)
    told = refused(lambda: jax.jit(centred)(values), jax.errors.TracerBoolConversionError)
    return {
        "as written": jnp.stack([centred(values), centred(-values)]),
        "refused": told.splitlines()[0],
        "by where": where,
        "by cond": cond,
        "programs by where": compile.programs["by_where"],
    }


def recompilation(function: Callable[..., Array], rows: Array) -> Quantities:
    """The programs for each shape, and for all."""
    by_default, padded = Compiled(), Compiled()
    powers, at_once = function(rows, by_default), one_program(rows, padded)
    return {
        "power": powers,
        "programs by default": by_default.programs.total(),
        "a program for each shape": by_default.programs.total(),
        "power by one program": at_once,
        "a program for all": padded.programs.total(),
    }


def export(
    function: Callable[..., tuple[jax.export.Exported, jax.export.Exported, jax.export.Exported]],
    weights: Array, bias: Array, inputs: Array,
) -> Quantities:  # fmt: skip
    """What the loaded program returns and refuses, and what it is bound to."""
    program, loaded, unbound = function(weights, bias, inputs)
    params, shorter = {"weight": weights, "bias": bias}, inputs[:-1]
    *_, recorded = program.in_avals
    return {
        "output": jnp.tanh(inputs @ weights.T + bias),
        "output loaded": loaded.call(params, inputs),
        "shape recorded": recorded.shape,
        "one row fewer": refused(lambda: loaded.call(params, shorter), ValueError).splitlines()[0],
        "one row fewer, unbound": unbound.call(params, shorter),
    }
