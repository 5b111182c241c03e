"""Whose values an array holds."""

import numpy as np

from compare.weights.own.other_lines import OtherLines

RNG = np.random.default_rng(0)
ARRAYS = {name: RNG.standard_normal((4, 6)) for name in ("a", "b", "c")} | {
    "zero": np.zeros((4, 6)),
    "v": RNG.standard_normal(24),
}
LINES = OtherLines(ARRAYS)


def test_the_line_is_named_with_what_was_done():
    assert LINES.of(ARRAYS["b"], "a") == "b's"
    assert LINES.of(ARRAYS["b"].T, "a") == "b's, transposed"
    assert LINES.of(ARRAYS["b"].astype(np.float16).astype(float), "a") == "b's, rounded to float16"


def test_neither_its_own_nor_a_constant_nor_a_multiple():
    assert LINES.of(ARRAYS["a"], "a") == ""
    assert LINES.of(np.zeros((4, 6)), "a") == ""
    assert LINES.of(2 * ARRAYS["b"], "a") == ""
    assert LINES.of(RNG.standard_normal((4, 6)), "a") == ""
    assert LINES.of(RNG.standard_normal(3), "a") == ""
