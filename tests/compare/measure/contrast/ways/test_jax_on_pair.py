"""Every way that is written there is a row's, or a row's other code; ``test_capabilities`` runs them."""

import inspect

from compare.measure.contrast.ways import jax_on_pair
from compare.measure.contrast.ways.ways_table import WAYS


def test_no_way_is_written_for_nothing():
    """What takes what is given is run by a row of the table."""
    rows = {way.name for way in WAYS if way.on_pair is True}
    written = {
        name
        for name, one in inspect.getmembers(jax_on_pair, inspect.isfunction)
        if one.__module__ == jax_on_pair.__name__ and [*inspect.signature(one).parameters] == ["given"]
    }
    assert rows <= written
    assert {name.removesuffix("_otherwise") for name in written} == rows
