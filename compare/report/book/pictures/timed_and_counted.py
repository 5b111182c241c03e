"""What of compiling is measured for its pictures when the book is built: a few calls timed, and programs counted."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from compare.arrays.arrays import Arrays
from compare.report.book.pictures.asked import on_the_cpu

TIMED = 7  # calls, of which the median is taken


def step_seconds(entered: Arrays) -> tuple[float, float, float]:
    """Seconds of a compiled step's first call, of a later one, and of the same step operation by operation."""
    import jax

    from jaxport.compiled import compiled_step

    given: dict[str, Callable[..., Any]] = {}

    def keep(step: Callable[..., Any]) -> Callable[..., Any]:
        given["step"] = step
        return step

    with on_the_cpu():
        weights, bias, inputs, targets = (
            jax.numpy.array(entered[name]) for name in ("weights", "bias", "inputs", "targets")
        )
        compiled_step(weights, bias, inputs, targets, compile=keep)  # also makes JAX load what any step needs
        step, arguments = given["step"], ((weights, bias), inputs, targets)
        compiled = jax.jit(step)
        first = _seconds(compiled, arguments)
        later = median(_seconds(compiled, arguments) for _ in range(TIMED))
        return first, later, median(_seconds(step, arguments) for _ in range(TIMED))


def programs_after_each(
    function: Callable[..., Any], rows: object, compile: Callable[..., Any], total: Callable[[], int]
) -> list[int]:
    """How many programs there are after each call of what ``function`` compiles."""
    counts: list[int] = []

    def noting(written: Callable[..., Any]) -> Callable[..., Any]:
        made = compile(written)

        def called(*arguments: object) -> object:
            result = made(*arguments)
            counts.append(total())
            return result

        return called

    function(rows, noting)
    return counts


def _seconds(step: Callable[..., Any], arguments: tuple[Any, ...]) -> float:
    import jax

    start = perf_counter()
    jax.block_until_ready(step(*arguments))
    return perf_counter() - start
