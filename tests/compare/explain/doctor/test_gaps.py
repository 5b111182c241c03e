"""Distances and when they count as closed."""

import numpy as np

from compare.explain.doctor.gaps import closed, distance, nearly, relative

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
