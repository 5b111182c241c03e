"""What the guide says of a program is so: its block is run, and its words are the real ones."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from flax import linen

from compare import Pair
from tests.compare.schemas import faults

GUIDE = (Path(__file__).parents[2] / "docs" / "verify-your-port.md").read_text()
USERS_MODELS = True


def block(name):
    """The guide's block of that name."""
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.mark.usefixtures("elsewhere")
def test_the_block_for_a_program_runs_as_it_stands(tmp_path):
    """Each value is what its comment says; both files are written."""
    scope: dict = {}
    torch.manual_seed(0)
    exec(block("program"), scope)
    report = scope["report"]
    assert (report.verdict, bool(report)) == ("mismatch", False)
    promised = re.search(r'report.answer  # "(.*) \.\.\."', block("program"))[1]
    assert report.answer.startswith(promised)
    (cause,) = report.causes
    assert (cause["where"], cause["text"]) == ("", re.search(r'"text": "(.*?)"', block("program"))[1])
    names = re.search(r"# (name, kind, .*), \.\.\.", block("program"))[1].split(", ")
    assert list(scope["rows"][0])[: len(names)] == names
    assert faults("verify", json.loads((tmp_path / "report.json").read_text())) == []
    assert report.answer in (tmp_path / "report.html").read_text()


def test_the_field_of_random_streams_is_spelt_so():
    """The guide's line, with two models in the place of its names."""
    made = {"MyTorchModule": lambda: torch.nn.Linear(4, 3), "MyFlaxModule": lambda: linen.Dense(3), "Pair": Pair}
    scope = {**made, "batch": np.ones((2, 4), np.float32)}
    exec(block("rngs"), scope)
    assert scope["pair"].rngs == ("noise",)


def test_every_field_of_a_pair_stands_in_its_table_or_in_its_docstring():
    """The guide names those that a user meets first; ``help(Pair)`` has all, as the guide says."""
    table = GUIDE.split("## What a pair can say")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE))))
    fields = set(Pair.__dataclass_fields__)
    assert named <= fields
    assert "rngs" in named
    assert all(re.search(rf"\b{name}\b", Pair.__doc__) for name in fields - {"name", "title"})


def test_the_schemas_are_named_as_the_guide_says():
    """By command, and the two that are none."""
    names = {path.name.removesuffix(".schema.json") for path in (Path(__file__).parents[2] / "schema").iterdir()}
    assert {"verify", "main-job", "mark"} <= names
    assert all(f"`{name}`" in GUIDE for name in ("main-job", "mark"))
