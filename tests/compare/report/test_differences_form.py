"""Entries as JSON holds them."""

import numpy as np

from compare.explain.differences.outcome import Distance
from compare.explain.differences.run_row import Difference, Facing, Probed, Tried
from compare.explain.differences.slopes_at import Kink
from compare.report.differences_form import differences_form
from tests.compare.schemas import faults

TRIED = Tried("f(x)", Distance(1.23456e-7, np.inf), (Probed("zeros", "value", np.inf, 0.123456, np.nan),))
KINK = Kink(0.0, -0.99999, 1.0, 0.0, 1.0, None)
FACING = Facing({"jax.nn.f": {"a": (1, 2)}}, ("linen.f",), TRIED, None, "", "", (KINK,))


def test_digits_and_words():
    """Two digits of a distance, more of an entry, words for what is not finite; as the contract says."""
    entry = Difference({"F.f": {"limit": np.inf}}, "activations", ("F.f(x)",), (FACING,), "", False, {"x": "normal(2)"})
    form = differences_form([entry])
    assert faults("differences", form) == []
    assert set(form["versions"]) == {"torch", "jax", "flax", "optax"}
    (made,) = form["entries"]
    assert made["names"] == {"F.f": {"limit": "inf"}}
    assert made["ports"][0]["names"] == {"jax.nn.f": {"a": [1, 2]}}
    plain = made["ports"][0]["plain"]
    assert (plain["value"], plain["gradient"], plain["equal"]) == (1.2e-7, "inf", False)
    assert plain["probes"] == [{"probe": "zeros", "what": "value", "apart": "inf", "reference": 0.1235, "port": "nan"}]
    assert made["ports"][0]["kinks"] == [
        {"at": 0.0, "left": -1.0, "right": 1.0, "reference": 0.0, "port": 1.0, "adapted": None}
    ]


def test_of_no_entry():
    """The versions alone."""
    assert differences_form([])["entries"] == []
