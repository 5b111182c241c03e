"""The table of planted faults, and the recipes that its rows share."""

from collections.abc import Callable
from typing import Any

from flax import nnx

from compare.pair.pair import Pair


def paired(reference: Callable[[], Any], port: Callable[[], Any], batch: Any, **options: Any) -> Callable[[], Pair]:
    """A builder of the pair of both; ``options`` are further fields of ``compare.pair.pair.Pair``."""
    return lambda: Pair(reference(), port(), batch, **options)


def nnx_port(module: Callable[..., nnx.Module], *arguments: Any, **settings: Any) -> Callable[[], nnx.Module]:
    """A builder of ``module(*arguments, rngs)`` with ``settings`` changed afterwards: names with ``__`` for the dot,
    as in ``norm__epsilon=1e-6``."""

    def build() -> nnx.Module:
        model = module(*arguments, nnx.Rngs(0))
        for name, value in settings.items():
            *path, last = name.split("__")
            layer: Any = model
            for part in path:
                layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
            assert hasattr(layer, last), name
            setattr(layer, last, value)
        return model

    return build
