"""Prose: escaped, its code set as code."""

import pytest

from compare.report.book.prose import prose, sentence, unquoted


def test_nothing_gets_through_as_html():
    """Not even between backticks."""
    assert prose("<b> & `<script>` x_y") == "&lt;b&gt; &amp; <code>&lt;script&gt;</code> <code>x_y</code>"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("loss.backward() writes into .grad.", ["loss.backward()", ".grad"]),
        ("F.relu and nn.Linear, x.add_(1)", ["F.relu", "nn.Linear", "x.add_(1)"]),
        ("zero_grad before step(), dim=1", ["zero_grad", "step()"]),
        ("e.g. this, i.e. that; 0.5 and 1e-3. End", []),
        ("see torchref/mlp.py", []),
        ("``v = m * v``, once", ["v = m * v"]),
    ],
)
def test_what_can_only_be_code_is_set_as_code(text, found):
    """Without backticks too; numbers, paths and abbreviations are prose."""
    assert [part.split("</code>")[0] for part in prose(text).split("<code>")[1:]] == found
    assert unquoted(text) == text.replace("`", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the last axis of the left", "The last axis of the left."),
        ("It is so.", "It is so."),
        ("optax steps along it", "optax steps along it."),
        ("`z.grad` is it", "`z.grad` is it."),
    ],
)
def test_words_of_a_page_are_a_sentence_of_their_own(words, told):
    """They may have stood in the middle of one."""
    assert sentence(words) == told
