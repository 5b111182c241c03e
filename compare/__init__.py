"""Everything that looks at both sides. ``verify`` and ``assert_port`` hold any port against its reference.

``Pair`` describes both models, with ``Batch`` and ``Optimizers``; ``Report`` is what comes back. Where no weight map is
found, one is written by hand: a ``WeightMap`` of lines, each an ``Entry`` with a ``View`` of either side's array.
``convert_weights`` carries weights through the map, either way; ``optax_twin`` and ``torch_twin`` an optimizer and its
state. What a caller can mend is raised as a ``UsageError``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.api import Report as Report
    from compare.api import assert_port as assert_port
    from compare.api import verify as verify
    from compare.arrays.batch import Batch as Batch
    from compare.arrays.views import View as View
    from compare.checkpoints.in_memory import convert_weights as convert_weights
    from compare.errors import UsageError as UsageError
    from compare.pair.pair import Optimizers as Optimizers
    from compare.pair.pair import Pair as Pair
    from compare.weights.entry import Entry as Entry
    from compare.weights.optax_twin import optax_twin as optax_twin
    from compare.weights.torch_twin import torch_twin as torch_twin
    from compare.weights.weights import WeightMap as WeightMap

__version__ = "0.1.0"  # also what an installation is called

_HOME = {
    "Batch": "compare.arrays.batch",
    "Entry": "compare.weights.entry",
    "Optimizers": "compare.pair.pair",
    "Pair": "compare.pair.pair",
    "Report": "compare.api",
    "UsageError": "compare.errors",
    "View": "compare.arrays.views",
    "WeightMap": "compare.weights.weights",
    "assert_port": "compare.api",
    "convert_weights": "compare.checkpoints.in_memory",
    "optax_twin": "compare.weights.optax_twin",
    "torch_twin": "compare.weights.torch_twin",
    "verify": "compare.api",
}
__all__ = [
    "Batch",
    "Entry",
    "Optimizers",
    "Pair",
    "Report",
    "UsageError",
    "View",
    "WeightMap",
    "assert_port",
    "convert_weights",
    "optax_twin",
    "torch_twin",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Imported when first asked for: the command line's ``--help`` needs none of them."""
    if name not in _HOME:
        raise AttributeError(f"module 'compare' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, and those that every module has; not what this file itself imports."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__") and name.endswith("__"))})
