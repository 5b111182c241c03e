"""Programs that are compiled quickly."""

import jax
import pytest
from jax._src import compiler

from compare.frameworks.quick_programs import SETTING, quick_programs, with_options


@pytest.mark.parametrize("before", [False, True])
def test_the_setting_is_put_back(before):
    """Whatever it was, and whatever happens."""
    own, options = jax.config.read(SETTING), compiler.get_compile_options
    jax.config.update(SETTING, before)
    try:
        _fail_inside()
    except KeyError:
        assert jax.config.read(SETTING) is before
        assert compiler.get_compile_options is options
    finally:
        jax.config.update(SETTING, own)


def _fail_inside():
    with quick_programs():
        assert jax.config.read(SETTING) is True
        raise KeyError


def test_options_are_below_those_that_a_program_asks_for():
    """By position, by keyword, as None, and not at all."""

    def own(replicas, env_options_overrides=None, *, backend="cpu"):
        return replicas, env_options_overrides, backend

    extended = with_options(own, {"a": "1", "b": "2"})
    assert extended(1) == (1, {"a": "1", "b": "2"}, "cpu")
    assert extended(1, None, backend="gpu") == (1, {"a": "1", "b": "2"}, "gpu")
    assert extended(1, {"b": "3"}) == (1, {"a": "1", "b": "3"}, "cpu")
    assert extended(replicas=1, env_options_overrides={"c": "4"}) == (1, {"a": "1", "b": "2", "c": "4"}, "cpu")
