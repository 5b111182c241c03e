"""The pair that a call is given: whole, or as its models and a batch."""

from collections.abc import Mapping
from typing import Any

from compare.errors import UsageError
from compare.pair.pair import Pair


def given_pair(
    call: str, reference: object, port: object, batch: object, fields: Mapping[str, Any], whole: str = "it alone"
) -> Pair:
    """``reference`` where it is a ``Pair``, else one of all that is given.

    Args:
        call: the function that was called. whole: what it takes of a whole pair, in words.

    Raises:
        UsageError: a ``Pair`` with anything beside it, models without a batch, or a field that a pair has not.
    """
    if isinstance(reference, Pair):
        if port is not None or batch is not None or fields:
            raise UsageError(f"{call}: a Pair holds everything: give {whole}, or the models and the batch without it")
        return reference
    if port is None or batch is None:
        raise UsageError(f"{call}: expected a reference, a port and a batch")
    try:
        return Pair(reference, port, batch, **fields)
    except TypeError as error:
        raise UsageError(f"{call}: {error}".replace("Pair.__init__() got an ", "")) from error
