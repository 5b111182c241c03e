"""The promoted oracle of the port: a JAX function whose own float32 is raised to float64."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import jax
from jax.extend import core

from compare.errors import swallowed
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.replay import (
    Operand,
    Program,
    Swap,
    inner_programs,
    is_low,
    parts,
    place_of_eqn,
    replay,
)
from compare.frameworks.islands.tracing import Raising, requests_raised

Function = Callable[..., Operand]  # of arrays, in trees or not


def promoted_jax(
    function: Function, swap_of: Callable[[Program], Swap] | None = None, kept: Kept | None = None
) -> Function:
    """``function`` with every float32, float16, bfloat16 (complex64) inside it raised to float64 (complex128).

    Call the result inside ``jax.enable_x64(True)``, with float64 arguments (arrays in pytrees; keywords as well), under
    ``jax.jit`` or not. Give it the whole value-and-gradient function: what is promoted is what it does, its custom
    derivative rules included.

    The function is traced with its requests for float32 answered in float64 (``tracing``), then what float32 is left
    is raised in the traced program (``replay``), where scalar literals become the shortest decimal that they can be.
    If the function does not stand the first (it asserts that something is float32), it is traced as it is.

    What cannot be un-rounded: constants that it closes over in float32 (cast as they are; ``witness`` lists them), a
    computed Python number in a function that asserts a dtype, and what external calls do. ``lax.reduce_precision`` is
    left alone, as a rounding that was asked for and no island, unless ``kept`` says what was looked at: then it is
    raised as a cast is. What ``kept`` names is rounded to its format instead, forward and backward. ``swap_of`` is
    ``witness.replay_with``'s.
    """

    def promoted(*args: Operand, **kwargs: Operand) -> Operand:
        closed, tree = trace_kept(function, kept or Kept(), *args, **kwargs)
        leaves = jax.tree.leaves((args, kwargs))
        swap = swap_of(closed) if swap_of else None
        if kept is not None:
            swap = replace(swap or Swap({}, {}), kept=kept)
        return jax.tree.unflatten(tree, replay(closed, leaves, swap))

    return promoted


def trace_promoted(function: Function, *args: Operand, **kwargs: Operand) -> tuple[Program, jax.tree_util.PyTreeDef]:
    """The program of ``function`` as ``promoted_jax`` replays it, and the tree that its outputs form."""
    try:
        with requests_raised():
            return _trace(function, *args, **kwargs)
    except Exception as error:  # whatever it is, the function's own error if it comes again
        swallowed(error)
        return _trace(function, *args, **kwargs)


def trace_kept(
    function: Function, kept: Kept, *args: Operand, **kwargs: Operand
) -> tuple[Program, jax.tree_util.PyTreeDef]:
    """``trace_promoted`` with the requests of ``kept`` unanswered, for ``replay`` to round what they ask for.

    One of them that is not made while the program is traced was made before, in a function that is traced once and
    called twice: then all requests for their formats are left unanswered. So they are where the function does not stand
    float64 beside them.
    """
    if not kept.steps:
        return trace_promoted(function, *args, **kwargs)
    raising = Raising(kept)
    try:
        with requests_raised(raising):
            traced = _trace(function, *args, **kwargs)
        if not raising.missed:
            return traced
    except Exception as error:  # whatever it is, the function's own error if it comes again
        swallowed(error)
    try:
        with requests_raised(Raising(kept, all_of=True)):
            return _trace(function, *args, **kwargs)
    except Exception as error:
        swallowed(error)
        return _trace(function, *args, **kwargs)


def islands_jax(function: Function, *args: Operand, **kwargs: Operand) -> list[str]:
    """Where the user's code makes something float32 when traced with these arguments: "file:line", each once, in order.

    Call it inside ``jax.enable_x64(True)`` with float64 arguments. Nothing is computed.
    """
    closed, _ = _trace(function, *args, **kwargs)
    return list(dict.fromkeys(_places(closed)))


def _trace(function: Function, *args: Operand, **kwargs: Operand) -> tuple[Program, jax.tree_util.PyTreeDef]:
    # A new function each time: JAX would otherwise give a program that it traced before, under other rules.
    closed, shape = jax.make_jaxpr(lambda *a, **k: function(*a, **k), return_shape=True)(*args, **kwargs)
    return closed, jax.tree.structure(shape)


def _places(program: Program, around: str = UNKNOWN) -> Iterator[str]:
    for eqn in parts(program)[0].eqns:
        # A library's own compiled functions are traced without their caller; the call then is the place.
        place = place_of_eqn(eqn)
        place = around if place == UNKNOWN else place
        inner = inner_programs(eqn)
        for each in inner:
            yield from _places(each, place)
        made = any(is_low(v.aval) for v in eqn.outvars)
        carried = any(is_low(v.aval) for v in eqn.invars if not isinstance(v, core.Literal))
        if made and not carried and not inner:
            yield place
