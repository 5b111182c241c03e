"""What a verdict in bounded memory (``--by-module``) does not take, and what is to be said of one."""

import os
from collections.abc import Sequence

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.pair.pair import Pair
from compare.pair.prepared import Prepared
from compare.verdict.bytes_in_words import size
from compare.verdict.counted import counted

NO_ENVELOPE = "by module: no noise envelope, which holds the changes of all parameters at once"


def check_by_module(pair: Pair, places: Sequence[Device], on_a_mesh: bool = False) -> None:
    """Refuse what cannot be run piece by piece.

    Args:
        places: where the sides run, and where their oracles do.

    Raises:
        UsageError: the pair draws for itself, or a side runs on a GPU or on a mesh.
    """
    if on_a_mesh:
        raise UsageError("--by-module runs the port on one device: expected one of --by-module and --mesh")
    if not hasattr(os, "posix_fallocate"):
        raise UsageError("--by-module puts arrays aside in files that this system cannot reserve: it runs on Linux")
    if pair.rngs:
        raise UsageError(
            f"pair {pair.name}: --by-module takes no pair with rngs=: which quantities its own random numbers reach is "
            "seen on runs of the whole model: verify without --by-module"
        )
    if strange := [place.name for place in places if place.name != "cpu"]:
        raise UsageError(
            f"--by-module puts aside what lies in the processor's memory, and the device is the {strange[0]}: give "
            "--device cpu"
        )


def said_of_by_module(prepared: Prepared) -> list[str]:
    """Notices: how the model was run, and what was left out for that."""
    aside = prepared.aside
    if aside is None:
        return []
    said = (
        f"by module: the port's program in {counted(aside.cuts, 'piece')}, {counted(aside.programs, 'program')} "
        f"compiled for them; at most {size(aside.bytes_most)} put aside on disk"
    )
    return [said, NO_ENVELOPE] if prepared.pair.optimizers else [said]
