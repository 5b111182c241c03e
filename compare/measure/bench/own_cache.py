"""A folder of its own for what is compiled of a row, so that no row finds what another one compiled."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

FOLDER = "JAX_COMPILATION_CACHE_DIR"  # as ``threads.pin`` sets both; where nobody did, nothing is kept
OF_TORCH = "TORCHINDUCTOR_CACHE_DIR"  # which torch reads each time


@contextmanager
def own_cache(name: str) -> Iterator[None]:
    """Programs that are compiled within it are looked for, and kept, under ``name``: two rows of one program are both
    cold in the first process, and both warm in those after it."""
    shared = os.environ.get(FOLDER)
    if not shared:
        yield
        return
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]  # JAX adds its settings as it runs
    own, of_torch = "".join(letter if letter.isalnum() else "_" for letter in name), os.environ.get(OF_TORCH)
    _use(str(Path(shared) / own))
    if of_torch:
        os.environ[OF_TORCH] = str(Path(of_torch) / own)
    try:
        yield
    finally:
        _use(before)
        if of_torch:
            os.environ[OF_TORCH] = of_torch


def _use(folder: str | None) -> None:
    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()  # the folder is opened once, at the first program
