"""The table in the terminal."""

import io

from compare.explain.differences.outcome import Distance
from compare.explain.differences.run_row import Difference, Facing, Tried
from compare.report.difference_lines import show_differences, show_entries
from compare.report.differences_form import differences_form
from compare.report.terminal import console

GELU = Difference(
    {"F.gelu": {"approximate": "none"}},
    "activations",
    ("F.gelu(x)",),
    (
        Facing(
            {"jax.nn.gelu": {"approximate": True}},
            ("linen.gelu",),
            Tried("jax.nn.gelu(x)", Distance(4.7e-4, 7e-4)),
            Tried("jax.nn.gelu(x, approximate=False)", Distance(1e-16, 1e-16)),
            "approximate=False",
            "",
        ),
    ),
    "",
    False,
    {"x": "wide(2, 3)"},
)
NONE = Difference({"optim.SparseAdam": {}}, "optimizers", ("optim.SparseAdam",), (), "sparse", False)
FAULT = Difference({"F.f": {}}, "activations", ("F.f(x)",), (), "why", False, {}, "it is not")


def shown(show, *entries):
    out = console(io.StringIO())
    show(differences_form(entries), out)
    return out.file.getvalue()


def test_the_whole_table_in_short():
    """A line for each counterpart, a group's own table, the versions, and what does not hold."""
    text = shown(show_differences, GELU, NONE, FAULT)
    (line,) = [line.split() for line in text.splitlines() if line.startswith("F.gelu")]
    assert line == ["F.gelu", "jax.nn.gelu", "4.7e-04", "apart", "approximate=False"]
    (line,) = [line for line in text.splitlines() if line.startswith("optim.SparseAdam")]
    assert "no counterpart" in line
    assert "sparse" in line
    assert "3 rows, run in float64 on torch " in text
    assert "fault      it is not" in text


def test_all_of_an_entry():
    """Codes, defaults, other names, distances."""
    lines = shown(show_entries, GELU).splitlines()
    assert lines == [
        "F.gelu",
        "torch      F.gelu(x)",
        "defaults   F.gelu(approximate='none')",
        "inputs     x = wide(2, 3)",
        "port       jax.nn.gelu(x)",
        "defaults   jax.nn.gelu(approximate=True)",
        "also       linen.gelu",
        "so         4.7e-04 apart",
        "with       approximate=False: equal",
    ]
    assert "port       no counterpart" in shown(show_entries, NONE)
    assert "fault      it is not" in shown(show_entries, FAULT)
