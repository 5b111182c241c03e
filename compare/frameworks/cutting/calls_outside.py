"""What a program calls outside XLA: functions of Python, which the text that is compiled only counts."""

from collections.abc import Hashable

from compare.frameworks.islands.replay import Program, operations_of

IN_TEXT = "_callback"  # xla_ffi_python_cpu_callback and its like


def calls_outside(program: Program, text: str) -> tuple[Hashable, ...]:
    """In what two programs may differ whose texts are the same: the functions that they call, in order; or something
    that equals nothing, where the text calls one and no operation says which.

    Args:
        text: what the program was lowered to.
    """
    if IN_TEXT not in text:
        return ()
    found = tuple(
        value  # with a hash, as JAX wants it
        for eqn in operations_of(program)
        if "callback" in eqn.primitive.name
        for value in eqn.params.values()
        if callable(value)
    )
    return found or (object(),)
