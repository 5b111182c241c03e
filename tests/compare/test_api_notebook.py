"""The face in a notebook, by running one: what a report is there, what progress is, and what an error is."""

import re

import pytest

from tests.compare.notebook import kind_of, outputs_of, text_of

CELLS = {
    "verify": """
import numpy as np
import torch
from flax import linen

import compare

x = np.random.default_rng(0).standard_normal((6, 4), dtype=np.float32)
torch.manual_seed(0)
report = compare.verify(torch.nn.Linear(4, 3), linen.Dense(3), x, quick=True, device="cpu")
""",
    "strings": "(str(report), repr(report), f'{report}', report.answer)",
    "print": "print(report)",
    "report": "report",
    "bad": "compare.verify(torch.nn.Linear(4, 3), linen.Dense(3), 'x')",
    "assert": """
class Wrong(linen.Module):
    @linen.compact
    def __call__(self, x):
        return 1.001 * linen.Dense(3)(x)


compare.assert_port(torch.nn.Linear(4, 3), Wrong(), x, quick=True, locate=False, device="cpu")
""",
    "callable": """
stages = []
compare.verify(torch.nn.Linear(4, 3), linen.Dense(3), x, quick=True, device="cpu", progress=stages.append)
len(stages) > 1
""",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each of the cells above put out."""
    return outputs_of(CELLS, tmp_path_factory.mktemp("notebook"))


def test_a_string_of_a_report_is_its_text(outputs):
    """One value and nothing beside it; no colour, though the kernel asks for some."""
    (output,) = outputs["strings"]
    assert kind_of(output) == "execute_result text/plain"
    strings = eval("".join(output["data"]["text/plain"]))
    assert len({*strings[:3]}) == 1
    assert "verdict    match" in strings[0]
    assert "\x1b" not in strings[0]
    assert strings[3] == "the port is the same function: 4 quantities on 1 probe match"


def test_a_printed_report_is_one_block(outputs):
    """On standard output, the same text."""
    (output,) = outputs["print"]
    assert kind_of(output) == "stdout"
    assert re.search(r"^verdict    match$", text_of(output), re.MULTILINE)


def test_a_report_as_the_last_line_is_there_once(outputs):
    """One piece of HTML, with its text for who shows none."""
    (output,) = outputs["report"]
    assert kind_of(output) == "execute_result text/html text/plain"
    html, plain = ("".join(output["data"][kind]) for kind in ("text/html", "text/plain"))
    assert html.count("verdict    ") == plain.count("verdict    ") == 1
    assert html.startswith("<div")
    assert html.endswith("</div>")
    assert "\x1b" not in plain


def test_progress_is_one_line_that_rewrites_itself(outputs):
    """On standard error; what stays says what it came to."""
    (output,) = outputs["verify"]
    assert kind_of(output) == "stderr"
    assert re.fullmatch(r"verifying pair: \d+ stages, \d+ s *\n", text_of(output).split("\r")[-1])


def test_progress_can_be_had_as_a_call(outputs):
    """Nothing is shown then."""
    (output,) = outputs["callable"]
    assert output["data"]["text/plain"] in ("True", ["True"])


def test_a_usage_error_is_one_line(outputs):
    """In the place of its traceback."""
    output = outputs["bad"][-1]
    assert kind_of(output) == "error UsageError"
    assert [kind_of(other) for other in outputs["bad"][:-1]] in ([], ["stderr"])
    (line,) = output["traceback"]
    assert line.startswith("UsageError: batch: expected ")
    assert "\n" not in line


def test_a_port_that_differs_is_shown_at_the_users_own_line(outputs):
    """Nothing is said on the way; of this package's frames there is the one that raises."""
    (output,) = outputs["assert"]
    assert kind_of(output) == "error AssertionError"
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))
    assert "assert_port(torch.nn.Linear(4, 3), Wrong()" in shown
    assert re.findall(r"compare/[\w/]+\.py", shown) == ["compare/api.py"]
    assert "mismatch: output on batch: relative difference" in output["evalue"]
