"""Words and numbers of names."""

import pytest

from compare.weights.mapping.names import numbered, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("layers.0.self_attn.q_proj.weight", "params/layers_0/attention/query/kernel"),
        ("h.3.mlp.c_fc.weight", "params/h_3/ffn/fc1/kernel"),
        ("bn.running_mean", "batch_stats/bn/mean"),
        ("input_layernorm.weight", "params/norm1/scale"),
        ("wte.weight", "params/tok_embeddings/embedding"),
    ],
)
def test_words_that_mean_the_same_are_one(one, other):
    own = {word for word in words(one) if word in words(other)}
    assert own == words(one) - {"layer"} or own == words(one)


def test_numbers_are_numbers():
    assert numbered("layers.10.fc") == {("layer", (10,))}
    assert numbered("params/layers_10/fc/kernel") == {("layer", (10,))}
    assert numbered("layers.2.fc") < numbered("layers.2.fc") | {("x", ())}


def test_a_name_that_linen_gave_says_nothing():
    assert words("params/Dense_0/kernel") == frozenset()
    assert numbered("params/Block_3/Dense_0/kernel") == frozenset()


@pytest.mark.parametrize(
    ("one", "other", "numbers"),
    [
        ("weights1_re", "params/weights1_real", {("weight", (1,))}),
        ("C_imag", "params/C_im", set()),
        ("layers.0.A_imag", "params/layers_0/A_imaginary", {("layer", (0,))}),
    ],
)
def test_the_end_that_says_which_part_it_is_is_a_word_of_its_own(one, other, numbers):
    """And the rest is named, and numbered, as without it."""
    assert words(one) == words(other) >= {"real"} or words(one) == words(other) >= {"imaginary"}
    assert numbered(one) == numbered(other) == numbers
