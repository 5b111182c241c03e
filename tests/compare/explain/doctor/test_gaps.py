"""Distances and when they count as closed."""

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.doctor.gaps import closed, distance, effect, nearly, relative, summing_to
from compare.explain.doctor.suspect import Suspect
from tests.compare.explain.doctor.scenes import drawn

A = np.array([3.0, 4.0])


def test_distance():
    """A 2-norm; infinite where the arrays are of another kind."""
    assert distance(A, A) == 0
    assert distance(A, np.zeros(2)) == 5
    assert distance(A, np.zeros(3)) == np.inf
    assert distance(np.array([1, np.nan]), np.array([1, 2.0])) == np.inf
    assert distance(np.array([1, np.nan, np.inf]), np.array([2, np.nan, np.inf])) == 1
    assert distance(np.array([np.inf]), np.array([-np.inf])) == np.inf


def test_relative():
    """The worst, over the reference's size."""
    plain, port = {"a": A, "b": A}, {"a": np.array([3.0, 5.0]), "b": np.array([3.0, 6.0])}
    assert relative(plain, port, plain, ["a", "b"]) == 2 / 5
    assert relative(plain, port, plain, ["a"]) == 1 / 5
    assert relative({"z": np.zeros(1)}, {"z": np.ones(1)}, {"z": np.zeros(1)}, ["z"]) == 1


def test_closed():
    """Every one of them within what is allowed."""
    assert closed({"a": A, "b": A}, {"a": A + 1e-9, "b": A}, {"a": 2e-9}, ["a", "b"])
    assert not closed({"a": A, "b": A}, {"a": A, "b": A + 1e-9}, {"a": 2e-9}, ["a", "b"])


def test_nearly():
    """A millionth of what it was."""
    before, port = {"a": A + 1}, {"a": A}
    assert nearly({"a": A + 1e-7}, port, before, ["a"])
    assert not nearly({"a": A + 1e-5}, port, before, ["a"])
    assert nearly({"a": A + 1e-12}, port, {"a": np.zeros(3)}, ["a"])


def suspect(setting, port=""):
    return Suspect(setting, "", port, Change())


ONE, TWO, THREE, NOTHING = drawn(20), 1e-3 * drawn(20, seed=1), drawn(20, seed=2), np.zeros(20)


def test_a_large_and_a_small_cause_are_found_among_others():
    """The small one shrinks the gap by a thousandth alone."""
    effects = [(suspect("c"), THREE), (suspect("a"), ONE), (suspect("none"), NOTHING), (suspect("b"), TWO)]
    (first, second), *_ = summing_to(ONE + TWO, effects, 3)
    assert (first.setting, second.setting) == ("a", "b")


def test_two_values_of_one_setting_are_no_pair():
    """They cannot both hold."""
    assert summing_to(ONE + TWO, [(suspect("a", "1"), ONE), (suspect("a", "2"), TWO)], 3) == []


def test_a_pair_must_be_nearer_than_each_alone():
    """And promising at all."""
    assert summing_to(ONE, [(suspect("a"), ONE), (suspect("c"), THREE)], 3) == []
    assert summing_to(ONE, [(suspect("a"), TWO), (suspect("c"), THREE)], 3) == []
    assert summing_to(ONE, [], 3) == []


def test_an_effect_is_relative_and_finite():
    """Of arrays of one shape; of large ones some entries."""
    plain = {"a": np.full(4, 2.0), "b": np.zeros((100, 100))}
    found = effect(plain, {"a": np.full(4, 3.0), "b": np.ones((100, 100))}, ["a", "b"])
    assert found is not None
    assert found[:4].tolist() == [0.25] * 4
    assert 4 + 4096 <= len(found) <= 4 + 2 * 4096
    assert effect(plain, {"a": np.ones(3)}, ["a"]) is None
    assert effect(plain, {"a": np.full(4, np.nan)}, ["a"]) is None
