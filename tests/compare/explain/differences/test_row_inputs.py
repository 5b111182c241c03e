"""What both sides of a row are given."""

import numpy as np

from compare.explain.differences.row_inputs import drawn, given, redrawn_state


def test_an_input_is_drawn_from_its_own_name():
    """Another input changes nothing of it; another name is another draw."""
    one, two = drawn({"x": "normal(3, 2)"}), drawn({"y": "normal(3, 2)", "x": "normal(3, 2)"})
    assert np.array_equal(one["x"], two["x"])
    assert not np.array_equal(two["x"], two["y"])


def test_recipes():
    """Probabilities, their logarithms, and both ends of what is wide."""
    made = drawn({"p": "shares(2, 3)", "q": "logs(2, 3)", "w": "wide(4, 5)", "n": "integers(4, 9)", "s": "signs(8)"})
    assert np.allclose(made["p"].sum(-1), 1)
    assert np.allclose(np.exp(made["q"]).sum(-1), 1)
    assert made["w"].min() < -29
    assert made["w"].max() > 29
    assert set(made["n"]) <= set(range(4))
    assert set(made["s"]) == {-1.0, 1.0}


def test_a_probe_moves_what_a_gradient_is_taken_of():
    """Neither integers nor what is constant."""
    one = given({"x": "normal(3)", "held": "normal(3)", "ids": "integers(4, 3)"}, ("held",))
    probed = one.probed("ties")
    assert one.moving == ("x",)
    assert probed.arrays["x"].tolist() == [1, 1, 1]
    assert all(np.array_equal(probed.arrays[name], one.arrays[name]) for name in ("held", "ids"))
    assert one.probed("large").arrays["x"][0] == 1000 * one.arrays["x"][0]


def test_a_state_is_away_from_0_and_1():
    """A variance stays positive, a counter what it is."""
    made = redrawn_state({"weight": np.ones(4), "running_var": np.ones(4), "count": np.array(0)})
    assert (made["weight"] != 1).all()
    assert (made["running_var"] >= 0.5).all()
    assert made["count"] == 0
