"""How the tests compile: what is marked ``optimized`` runs what users run, whatever ran before it."""

import os

import jax
import pytest

from tests import compiling
from tests.compiling import compile_quickly, with_options


@pytest.mark.parametrize(("first", "then", "kept"), [(True, False, 0), (False, True, 1), (True, True, 1)])
def test_a_quick_program_is_not_run_for_a_whole_one(first, then, kept):
    """It is compiled anew; a whole program does for either. Processes that a test starts compile as it does."""
    compile_quickly(first)
    function = jax.jit(lambda x: x * 2 + 1)
    function(3.0)
    assert function._cache_size() == 1
    compile_quickly(then)
    assert os.environ.get(compiling.UNOPTIMIZED) == ("1" if then else None)
    assert function._cache_size() == kept
    function(3.0)
    assert function._cache_size() == 1


def test_options_are_below_those_that_a_program_asks_for(monkeypatch):
    """By position, by keyword, as None, and not at all."""

    def own(replicas, env_options_overrides=None, *, backend="cpu"):
        return replicas, env_options_overrides, backend

    monkeypatch.setattr(compiling, "_options", {"a": "1", "b": "2"})
    extended = with_options(own)
    assert extended(1) == (1, {"a": "1", "b": "2"}, "cpu")
    assert extended(1, None, backend="gpu") == (1, {"a": "1", "b": "2"}, "gpu")
    assert extended(1, {"b": "3"}) == (1, {"a": "1", "b": "3"}, "cpu")
    assert extended(replicas=1, env_options_overrides={"c": "4"}) == (1, {"a": "1", "b": "2", "c": "4"}, "cpu")
