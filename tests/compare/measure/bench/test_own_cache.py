"""What one row compiled is not found by another, and is found by the same row later."""

import jax
import jax.numpy as jnp
import pytest

from compare.measure.bench.own_cache import FOLDER, own_cache


@pytest.fixture
def shared(monkeypatch, tmp_path):
    """A folder for all rows, in which every program is kept."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    kept = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": -1}
    before = {name: getattr(jax.config, name) for name in kept}
    for name, value in kept.items():
        jax.config.update(name, value)
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)


def compile_once():
    """One program, as two rows may have it."""
    jax.jit(lambda x: jnp.sin(x) * 3 + 1).lower(jnp.ones(7)).compile()


def programs(folder):
    return sorted(path.name for path in folder.glob("jit__lambda*-cache"))


def test_two_rows_with_one_program_both_compile_it(shared):
    """It lies in both folders, and is found where it was compiled before."""
    before = jax.config.jax_compilation_cache_dir
    for name in ("jax.jit", "jax.jit, ahead of time", "jax.jit"):
        with own_cache(name):
            compile_once()
    assert [len(programs(shared / name)) for name in ("jax_jit", "jax_jit__ahead_of_time")] == [1, 1]
    assert jax.config.jax_compilation_cache_dir == before


def test_where_nobody_set_a_folder_nothing_is_kept(monkeypatch):
    """A process that was not made ready for a benchmark stays as it is."""
    monkeypatch.delenv(FOLDER, raising=False)
    before = jax.config.jax_compilation_cache_dir
    with own_cache("jax.jit"):
        assert jax.config.jax_compilation_cache_dir == before
