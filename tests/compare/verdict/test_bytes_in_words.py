"""Bytes as people say them."""

import pytest

from compare.verdict.bytes_in_words import size


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (5000 << 20, "5,000.0 MiB")],
)
def test_sizes(count, words):
    """As people say them."""
    assert size(count) == words
