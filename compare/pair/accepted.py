"""Parameters that one side alone has, and that the pair accepts by name: a key's bias of zeros, which adds nothing.

Such a parameter keeps its own value and is not trained. Whether that value does nothing, the comparison itself tells.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from compare.arrays.arrays import PARAMS
from compare.errors import UsageError

RUNNING_VARIANCE = "running_variance"  # the one difference that is accepted by a word of its own


def patterns(accept: Iterable[str]) -> tuple[str, ...]:
    """Those of ``accept`` that name parameters."""
    return tuple(one for one in accept if one != RUNNING_VARIANCE)


def matches(name: str, accept: Iterable[str]) -> bool:
    """Whether a name of the reference, or a leaf's path with or without its collection, is accepted: ``*`` stands for
    any text; a path may be written with dots."""
    plain = name.removeprefix(f"{PARAMS}/")
    return any(fnmatchcase(each, one) for one in patterns(accept) for each in (name, plain, plain.replace("/", ".")))


def check_accepted(accept: Iterable[str], alone: Iterable[str], every: Iterable[str]) -> None:
    """Refuse a pattern that accepts nothing.

    Args:
        alone: the parameters that one side alone has; every: all of both sides.

    Raises:
        UsageError: it matches no parameter, or only such as both sides have.
    """
    alone, every = list(alone), list(every)
    for one in patterns(accept):
        if any(matches(name, [one]) for name in alone):
            continue
        if any(matches(name, [one]) for name in every):
            raise UsageError(f"accept: both sides have what {one!r} matches: expected a parameter that one alone has")
        raise UsageError(
            f"accept: {one!r} matches no parameter: expected {RUNNING_VARIANCE}, or a name, such as 'layers.*.k.bias', "
            "of a parameter that one side alone has"
        )
