"""Every Python block that the pages show is run, with small models in the place of the reader's names."""

import re

import equinox as eqx
import jax
import numpy as np
import pytest
import torch
from flax import linen

import compare
from tests.documents.shown import DOCS, ROOT

USERS_MODELS = True
ELSEWHERE = {  # blocks that another test runs as they stand, and holds to what they say
    "converted": "tests/compare/checkpoints/test_in_memory.py",
    "program": "tests/compare/test_api_guide.py",
    "rngs": "tests/compare/test_api_guide.py",
    "test-mixer": "tests/test_pytest_jaxport.py",
    "written-map": "tests/compare/weights/test_weights.py",
}


def blocks():
    """Each block with its page, its name where it has one, and its number on the page."""
    for page in ["README.md", *DOCS]:
        text = (ROOT / page).read_text()
        found = re.finditer(r"(?:<!-- (\S+) -->\n)?^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for number, match in enumerate(found, 1):
            if page != "docs/api.md":  # signatures, which tests/test_api_page.py makes anew
                yield pytest.param(match[1] or "", match[2], id=f"{page}, block {number}")


class Normed(eqx.Module):
    """One row, a batch norm with a state."""

    norm: eqx.nn.BatchNorm

    def __init__(self, key):
        self.norm = eqx.nn.BatchNorm(4, axis_name="batch", mode="batch")

    def __call__(self, x, state):
        return self.norm(x, state)


class Dropped(eqx.Module):
    """One row, a dropout with a key."""

    fc: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __init__(self, key):
        self.fc, self.dropout = eqx.nn.Linear(4, 3, key=key), eqx.nn.Dropout(0.5)

    def __call__(self, x, key):
        return self.dropout(self.fc(x), key=key)


def reader(block):
    """What a reader has under these names."""
    key = jax.random.key(0)
    scope = {name: getattr(compare, name) for name in compare.__all__}
    scope |= {"jax": jax, "eqx": eqx, "key": key, "batch": np.random.default_rng(0).standard_normal((8, 4), np.float32)}
    scope |= {"torch_module": torch.nn.Linear(4, 3), "flax_module": linen.Dense(3)}
    scope |= {"MyTorchModule": lambda: torch.nn.Linear(4, 3), "MyFlaxModule": lambda: linen.Dense(3)}
    if "MyEquinoxModule" in block:
        scope |= {"MyEquinoxModule": Dropped}
        scope["MyTorchModule"] = lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))
    if "make_with_state" in block:
        scope["MyTorchModule"] = lambda: torch.nn.BatchNorm1d(4)
        scope["model"], scope["state"] = eqx.nn.make_with_state(Normed)(key)
    return scope


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("name", "block"), list(blocks()))
def test_a_block_runs(name, block):
    """On the pair's own batch alone, where it verifies; a function that it defines is called by ``verify``."""
    if name in ELSEWHERE:
        assert name in (ROOT / ELSEWHERE[name]).read_text()
        return
    scope = reader(block)
    exec(re.sub(r"(flax_module, batch)\)", r"\1, quick=True)", block), scope)
    if "def of_batch" in block:
        report = compare.verify(scope["pair"], quick=True, progress=False, locate=False)
        assert {row.verdict for row in report.quantities if row.kind in ("output", "gradient")} == {"match"}
