"""What a result depends on, and what has changed, in words."""

import pytest

from compare.cli.many import depends as module
from compare.cli.many.depends import changed, depends


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Only those variables that a test sets."""
    for name in list(module.os.environ):
        if name.startswith(module.SETTING):
            monkeypatch.delenv(name)
    monkeypatch.setattr(module, "own_digest", lambda: "own")


def test_every_fact_has_a_name(tmp_path, monkeypatch):
    """Source, versions, options, cards, and what sets the frameworks; not where compiled programs are kept."""
    file = tmp_path / "pair.py"
    file.write_text("x = 1\n")
    cards = tmp_path / "cards" / "0"
    cards.mkdir(parents=True)
    (cards / "information").write_text("Model: \t\t NVIDIA H200\nIRQ: 7\n")
    monkeypatch.setattr(module, "CARDS", cards.parent)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    facts = depends([file], "--seed 1")
    assert {"torch", "jax", "jaxlib", "flax", "optax", "numpy", "source", "jaxport"} < set(facts)
    assert (facts["options"], facts["cards"], facts["JAX_PLATFORMS"]) == ("--seed 1", "NVIDIA H200", "cpu")
    assert "JAX_COMPILATION_CACHE_DIR" not in facts
    assert depends([], "")["source"] == ""


def test_data_that_is_named_is_looked_at(tmp_path):
    """Its sizes and times."""
    data = tmp_path / "data.npz"
    data.write_bytes(b"1")
    before = depends([], "", [data, tmp_path])
    assert depends([], "", [data, tmp_path]) == before
    data.write_bytes(b"12")
    after = depends([], "", [data, tmp_path])
    assert {name for name in before if before[name] != after[name]} == {str(data), str(tmp_path)}


def test_a_package_that_is_found_twice_is_one(tmp_path, monkeypatch):
    """A checkout with its own metadata is on the path of ``python -m`` and not on a command's: nothing has changed. The
    version that counts is that of the first, which is the one that is imported."""

    def others() -> str:
        module._other_packages.cache_clear()
        return depends([], "")[module.OTHERS]

    def found(folder: str, version: str) -> None:
        path = tmp_path / folder / "ours-1.dist-info" / "METADATA"
        path.parent.mkdir(parents=True)
        path.write_text(f"Metadata-Version: 2.1\nName: ours\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path / folder)

    before = others()
    found("first", "1")
    once = others()
    found("again", "1")
    assert others() == once != before
    found("upgraded", "2")
    assert others() not in (before, once)
    module._other_packages.cache_clear()


def test_what_has_changed_is_said_in_words():
    """Versions from what to what, digests by what they are of."""
    before = {"torch": "2.12.0", "source": "a", "jaxport": "b", "jax": "0.11", "XLA_FLAGS": "--x"}
    now = {"torch": "2.13.0", "source": "c", "jaxport": "d", "jax": "0.11", "cards": "NVIDIA H200"}
    assert changed(before, now) == [
        "XLA_FLAGS --x → none", "cards none → NVIDIA H200", "jaxport's code", "source", "torch 2.12.0 → 2.13.0",
    ]  # fmt: skip
    assert changed(now, now) == []
