"""How the tests compile: what is marked ``optimized`` runs what users run, whatever ran before it."""

import os

import jax
import pytest

from tests import compiling
from tests.compiling import compile_quickly


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
