"""What the fields of a pair may be, checked where they enter; and a call of a function that one of them holds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays
from compare.errors import UsageError, shown, swallowed
from compare.frameworks.blame import described
from compare.pair.accepted import RUNNING_VARIANCE
from compare.weights.weights import WeightMap

MODES = ("train", "eval")

Check = tuple[Callable[[Any], bool], str]  # whether a value will do, and what is expected


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _are_two(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def _are_functions(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_text(name) and callable(one) for name, one in value.items())


def _some_of(known: tuple[str, ...]) -> Check:
    """A tuple of those; a text alone is none, which Python would take letter by letter."""

    def known_alone(value: object) -> bool:
        return isinstance(value, tuple | list | set | frozenset) and all(one in known for one in value)

    return known_alone, f"a tuple of some of {', '.join(known)}, such as {(known[0],)}"


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple | list | set | frozenset) and all(isinstance(one, str) and one for one in value)


def _at_least(many: int, check: Check) -> Check:
    will_do, expected = check
    return lambda value: will_do(value) and len(value) >= many, expected


FUNCTION: Check = (callable, "a function")
CHECKS: Mapping[str, Check] = {
    "loss": (_are_two, "two functions, (the reference's, the port's), each of (outputs, *targets)"),
    "rows": (_are_functions, "a dictionary of functions by name, each of which builds a runner"),
    "rules": (lambda value: isinstance(value, Mapping), "a dictionary of name patterns"),
    "accept": (_are_texts, f"a tuple of names of parameters that one side alone has, or of {RUNNING_VARIANCE!r}"),
    "modes": _at_least(1, _some_of(MODES)),
    "weight_map": (lambda value: isinstance(value, WeightMap), "a WeightMap of Entry lines"),
    "weights": (callable, "a function of a NumPy generator"),
    "by_hand": (callable, "a function of (weights, batch) in NumPy"),
    "reference_inputs": FUNCTION,
    "port_inputs": FUNCTION,
    "reference_outputs": FUNCTION,
    "port_outputs": FUNCTION,
    "spread": FUNCTION,
    "own_rows": FUNCTION,
    "smooth": (lambda value: isinstance(value, bool | np.bool_), "True or False"),
    "name": (lambda value: _is_text(value) and bool(value), "one line of printable text"),
    "title": (_is_text, "one line of printable text"),
}
NEVER_NONE = ("rows", "rules", "accept", "smooth", "name", "title")


def check_fields(fields: Mapping[str, Any]) -> None:
    """Refuse what no field of its name can be.

    Raises:
        UsageError: with the field, what is expected and what came.
    """
    for name, (will_do, expected) in CHECKS.items():
        value = fields[name]
        if (value is not None or name in NEVER_NONE) and not will_do(value):
            raise UsageError(f"{name}: expected {expected}, got {shown(value)}")
    for side, loss in zip(("reference", "port"), fields["loss"] or (), strict=False):
        if not callable(loss) and (loss is not None or fields[side] is not None):
            raise UsageError(f"loss: the {side}'s: expected a function of (outputs, *targets), got {shown(loss)}")


def check_optimizers(reference: object, port: object, needed: tuple[bool, bool]) -> None:
    """Refuse what makes no optimizer; None will do for a side that is not ``needed``.

    Raises:
        UsageError: it makes none.
    """
    if not callable(reference) and (reference is not None or needed[0]):
        raise UsageError("optimizers: the reference's is a function of the parameters, such as lambda p: SGD(p, 0.1)")
    if not (callable(port) or hasattr(port, "update")) and (port is not None or needed[1]):
        raise UsageError("optimizers: the port's is an optax transformation, or a function that makes one")


def check_hyper(hyper: object) -> None:
    """Refuse hyper-parameters that are no finite numbers by name.

    Raises:
        UsageError: they are none.
    """
    if not isinstance(hyper, Mapping):
        raise UsageError(f"optimizers: hyper: expected a dictionary of numbers by name, got {shown(hyper)}")
    for name, value in hyper.items():
        number = isinstance(value, int | float | np.integer | np.floating)
        if not isinstance(name, str) or not number or not np.isfinite(value):
            raise UsageError(f"optimizers: hyper: {name}: expected a name and a finite number, got {shown(value)}")


class FieldError(Exception):
    """A function that the pair was given raised, or returned what it must not; the message names the field."""


def answer_of(field: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function that the pair was given returns.

    Raises:
        FieldError: it raises; the message has its own words, and the line of the user's that raised.
    """
    try:
        return function(*args, **kwargs)
    except (FieldError, UsageError):
        raise
    except Exception as error:
        swallowed(error)
        raise FieldError(f"{field}= raised {described(error)}") from error


def arrays_of(field: str, function: Callable[..., Any], *args: Any) -> Arrays:
    """Named arrays of floats or complex numbers that such a function returns, in NumPy.

    Raises:
        FieldError: it raises, or returns something else.
    """
    answer = answer_of(field, function, *args)
    if not isinstance(answer, Mapping):
        raise FieldError(f"{field}= returned {shown(answer)}: expected a dictionary of arrays by name")
    arrays = {str(name): _in_numpy(field, str(name), value) for name, value in answer.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in FLOATING:
            raise FieldError(f"{field}= returned dtype {array.dtype} for {name}: expected floats or complex numbers")
    return arrays


def _in_numpy(field: str, name: str, value: object) -> np.ndarray:
    try:
        return np.asarray(value)
    except Exception as error:  # a parameter of torch that wants a gradient, rows of several lengths
        swallowed(error)
        raise FieldError(f"{field}= returned {shown(value)} for {name}: expected an array in NumPy") from error


def scalar_of(field: str, value: Any) -> Any:
    """``value`` of either framework, once it is a floating scalar.

    Raises:
        FieldError: it is none.
    """
    if getattr(value, "shape", None) != ():
        kind = tuple(value.shape) if hasattr(value, "shape") else shown(value)
        raise FieldError(f"{field}= returned {kind}: expected a scalar, an array of shape ()")
    if "float" not in str(value.dtype):
        raise FieldError(f"{field}= returned a scalar of dtype {value.dtype}: expected a float, which has a gradient")
    return value
