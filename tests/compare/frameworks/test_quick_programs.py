"""Programs that are compiled quickly."""

import jax
import pytest

from compare.frameworks.quick_programs import SETTING, quick_programs


@pytest.mark.parametrize("before", [False, True])
def test_the_setting_is_put_back(before):
    """Whatever it was, and whatever happens."""
    own = jax.config.read(SETTING)
    jax.config.update(SETTING, before)
    try:
        _fail_inside()
    except KeyError:
        assert jax.config.read(SETTING) is before
    finally:
        jax.config.update(SETTING, own)


def _fail_inside():
    with quick_programs():
        assert jax.config.read(SETTING) is True
        raise KeyError
