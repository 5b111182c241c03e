"""What tape and function cost, on a terminal."""

import io

import pytest
from rich.console import Console

from compare.report.contrast_costs import show_costs

SECONDS = dict.fromkeys(("plain", "recorded", "backward", "traced", "compiled", "run", "plain_again"), 1e-3)
FATES = {"by_kind": {"dead": ["eq", "eq"], "alone": ["dot_general"]}, "traced": 3, "kernels": 7, "message": ""}
FORM = {
    "tape_bytes": 35332,
    "residual_bytes": 76612,
    "copied_bytes": 0,
    "costs": {
        "aot": None, "aot_message": "Unsupported: a branch", "temporaries": 38912, "at_loss": 68864, "kernels": 7,
        "checkpoints": [{"what": "all of the loss", "tape": None, "residuals": 12345, "temporaries": 36096}],
        "seconds": SECONDS,
    },
    "fates": [{**FATES, "by_kind": {}, "message": "Unsupported: a branch"}, FATES],
}  # fmt: skip


def text_of(form, width=120):
    """What is printed."""
    out = Console(file=io.StringIO(), width=width)
    show_costs(form, out)
    return " ".join(out.file.getvalue().split())


def test_every_column_says_what_it_is():
    """Bytes, what is made again, what became of operations by kind; a message where a compiler raises."""
    text = text_of(FORM)
    assert "tape 35,332 saved by nodes" in text
    assert "all of the loss raises 12,345 36,096" in text
    assert "no result needs it 2: eq x 2" in text
    assert "traced Unsupported: a branch 3" in text
    assert "kernels that a call runs 7" in text


def test_what_a_convolution_takes_has_its_own_row():
    """Beside the temporaries, of which it is no part."""
    assert "beside it" not in text_of(FORM)
    larger = {**FORM, "costs": FORM["costs"] | {"workspace": 4096}}
    assert "beside it 4,096 at most, where a convolution" in text_of(larger)


def test_what_was_not_asked_for_is_not_there():
    """And results from before there were checkpoints and fates are shown all the same."""
    assert text_of({**FORM, "costs": None}) == ""
    older = {**FORM, "costs": {key: value for key, value in FORM["costs"].items() if key != "checkpoints"}}
    assert "made again" not in text_of({key: value for key, value in older.items() if key != "fates"})


@pytest.mark.parametrize("width", [40, 80])
def test_it_fits_any_terminal(width):
    """No line is longer than the terminal is wide."""
    out = Console(file=io.StringIO(), width=width)
    show_costs(FORM, out)
    assert max(map(len, out.file.getvalue().splitlines())) <= width
