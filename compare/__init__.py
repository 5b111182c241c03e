"""Everything that looks at both sides. ``verify`` and ``assert_port`` hold any port against its reference."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.api import assert_port as assert_port
    from compare.api import verify as verify
    from compare.arrays.batch import Batch as Batch
    from compare.pair.pair import Optimizers as Optimizers
    from compare.pair.pair import Pair as Pair

_HOME = {
    "verify": "compare.api",
    "assert_port": "compare.api",
    "Batch": "compare.arrays.batch",
    "Pair": "compare.pair.pair",
    "Optimizers": "compare.pair.pair",
}
__all__ = ["Batch", "Optimizers", "Pair", "assert_port", "verify"]


def __getattr__(name: str) -> Any:
    """Imported when first asked for: the command line's ``--help`` needs none of them."""
    if name not in _HOME:
        raise AttributeError(f"module 'compare' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
