"""Which formats are below the working precision, and which steps an oracle keeps."""

import pytest

from compare.frameworks.islands.lowered import BY_BITS, Kept, Step, is_below


@pytest.mark.parametrize(
    ("dtype", "precision", "below"),
    [
        ("bfloat16", "float32", True),
        ("torch.float16", "float32", True),
        ("float32", "float32", False),
        ("bfloat16", "bfloat16", False),
        ("float16", "bfloat16", False),
        ("bfloat16", "float16", True),
        ("float32", "bfloat16", False),
        ("int8", "float32", False),
    ],
)
def test_a_format_is_below_by_its_significand(dtype, precision, below):
    """Whatever its range."""
    assert is_below(dtype, precision) is below


def test_what_is_kept_says_its_formats_and_its_requests():
    """A step that asks for no dtype (bits, a product's algorithm) is kept by itself, not by its line and format."""
    kept = Kept(frozenset({Step("a.py:1", "cast", "bfloat16"), Step("a.py:2", BY_BITS, "float16")}))
    assert kept.formats == {"bfloat16", "float16"}
    assert kept.requests == {("a.py:1", "bfloat16")}
    assert (Kept().formats, Kept().requests) == (frozenset(), frozenset())
