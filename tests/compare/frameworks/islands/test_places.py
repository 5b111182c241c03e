"""Whose line it was."""

import sysconfig
import tempfile

import flax
import jax
import numpy as np
import torch

from compare import api
from compare.cli import cli
from compare.frameworks.islands import places
from compare.frameworks.islands.places import UNKNOWN, here, is_users, place_of, users_own
from compare.verification import verification


def test_libraries_python_and_generated_code_are_not_the_users():
    """Other packages are: a model of theirs is what gets compared."""
    stdlib, packages = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
    for module in (torch.nn.functional, jax.lax, np, flax, places):
        assert not is_users(module.__file__)
    assert not is_users(tempfile.__file__)
    assert not is_users("<string>")
    assert is_users(f"{packages}/transformers/modeling_llama.py")
    assert is_users(__file__)
    assert is_users("/home/me/port.py")
    assert not is_users(f"{stdlib}/contextlib.py")


def test_the_innermost_line_of_the_users_counts():
    """Below the working folder it is told from there."""
    frames = [(torch.__file__, 1), ("/home/me/model.py", 7), (__file__, 9)]
    assert place_of(frames) == "/home/me/model.py:7"
    assert place_of(frames[2:]) == "tests/compare/frameworks/islands/test_places.py:9"
    assert place_of(frames[:1]) == UNKNOWN


def test_the_script_that_asks_is_no_place_in_a_model():
    """What runs it may be a test of the user's, or a console script: nothing is told instead."""
    script = ("/home/me/test_port.py", 3)
    for module in (api, cli, verification):
        assert place_of([(torch.__file__, 1), (module.__file__, 5), script]) == UNKNOWN
        assert place_of([("/home/me/model.py", 7), (module.__file__, 5), script]) == "/home/me/model.py:7"


def test_here_is_the_line_that_runs():
    """And the call is the user's own, unless a library makes it."""
    line = test_here_is_the_line_that_runs.__code__.co_firstlineno
    assert here() == f"tests/compare/frameworks/islands/test_places.py:{line + 3}"
    assert users_own()
    assert not torch.utils._pytree.tree_map(lambda_in_torch(), [0])[0]


def lambda_in_torch():
    """A function that looks as if torch had written it."""
    space = {"users_own": users_own}
    exec(compile("def call(_):\n    return users_own()", torch.__file__, "exec"), space)
    return space["call"]


def test_packages_installed_below_the_standard_library_are_the_users(monkeypatch):
    """As they are outside a virtual environment."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: "/py/lib" if name == "stdlib" else "/py/lib/site-packages")
    assert is_users("/py/lib/site-packages/transformers/model.py")
    assert not is_users("/py/lib/contextlib.py")
