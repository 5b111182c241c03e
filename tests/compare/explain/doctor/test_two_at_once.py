"""Which two changes make up a gap."""

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.two_at_once import effect, summing_to
from tests.compare.explain.doctor.scenes import drawn


def suspect(setting, port=""):
    return Suspect(setting, "", port, Change())


A, B, C, NOTHING = drawn(20), 1e-3 * drawn(20, seed=1), drawn(20, seed=2), np.zeros(20)


def test_a_large_and_a_small_cause_are_found_among_others():
    """The small one shrinks the gap by a thousandth alone."""
    effects = [(suspect("c"), C), (suspect("a"), A), (suspect("none"), NOTHING), (suspect("b"), B)]
    (first, second), *_ = summing_to(A + B, effects, 3)
    assert (first.setting, second.setting) == ("a", "b")


def test_two_values_of_one_setting_are_no_pair():
    """They cannot both hold."""
    assert summing_to(A + B, [(suspect("a", "1"), A), (suspect("a", "2"), B)], 3) == []


def test_a_pair_must_be_nearer_than_each_alone():
    """And promising at all."""
    assert summing_to(A, [(suspect("a"), A), (suspect("c"), C)], 3) == []
    assert summing_to(A, [(suspect("a"), B), (suspect("c"), C)], 3) == []
    assert summing_to(A, [], 3) == []


def test_an_effect_is_relative_and_finite():
    """Of arrays of one shape; of large ones some entries."""
    plain = {"a": np.full(4, 2.0), "b": np.zeros((100, 100))}
    found = effect(plain, {"a": np.full(4, 3.0), "b": np.ones((100, 100))}, ["a", "b"])
    assert found is not None
    assert found[:4].tolist() == [0.25] * 4
    assert 4 + 4096 <= len(found) <= 4 + 2 * 4096
    assert effect(plain, {"a": np.ones(3)}, ["a"]) is None
    assert effect(plain, {"a": np.full(4, np.nan)}, ["a"]) is None
