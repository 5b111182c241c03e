"""What a lesson's code says when it is refused or warned. Knows neither framework."""

import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def refused(attempt: Callable[[], object], *kinds: type[Exception]) -> str:
    """The message of the error that ``attempt`` raises.

    Raises:
        RuntimeError: nothing was raised. An error of another kind than ``kinds`` goes through.
    """
    try:
        attempt()
    except kinds as error:
        return str(error)
    raise RuntimeError(f"expected {' or '.join(kind.__name__ for kind in kinds)}, and nothing was raised")


def warned(attempt: Callable[[], T]) -> tuple[T, list[str]]:
    """What ``attempt`` returns, and the warnings that it gave, in order."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        returned = attempt()
    return returned, [str(warning.message) for warning in told]
