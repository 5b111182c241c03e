"""Which operands of a ``scan`` are constants, and which it carries: JAX 0.11 tells it in another form than before."""

from collections.abc import Mapping
from typing import Any


def constants_and_carried(params: Mapping[str, Any]) -> tuple[int, int]:
    """How many operands a scan hands unchanged to every step, and how many it hands on from step to step.

    Args:
        params: of the equation. Where they tell neither, both are 0.
    """
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    flat: Any = params.get("ft_in")  # since 0.11: the constants, the carries, what is scanned; len counts leaves
    groups = flat.unpack() if hasattr(flat, "unpack") else getattr(flat, "elts", ())
    return (len(groups[0]), len(groups[1])) if groups else (0, 0)
