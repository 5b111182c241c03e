"""The user's rules: names, layers and stars, and what a rule that says nothing is told."""

import pytest

from compare.errors import UsageError
from compare.weights.mapping.user_rules import applied

NAMES = ["enc.0.fc.weight", "enc.0.fc.bias", "enc.1.fc.weight", "enc.1.fc.bias", "head.weight", "encoder.weight"]
PATHS = [
    "params/b0/Dense_0/kernel", "params/b0/Dense_0/bias", "params/b1/Dense_0/kernel", "params/b1/Dense_0/bias",
    "params/out/kernel", "batch_stats/out/mean",
]  # fmt: skip


def test_a_name_to_a_leaf():
    for path in ("params/out/kernel", "out/kernel"):
        said = applied({"head.weight": path}, NAMES, PATHS)
        assert said.pairs == {"head.weight": ("params/out/kernel", None)}
        assert (said.reference, said.port) == ({}, {})


def test_a_name_to_a_leaf_with_axes():
    said = applied({"head.weight": ("out/kernel", (1, 0))}, NAMES, PATHS)
    assert said.pairs == {"head.weight": ("params/out/kernel", (1, 0))}


def test_a_layer_to_a_layer_says_it_of_all_its_arrays():
    said = applied({"head": "out"}, NAMES, PATHS)
    assert said.pairs == {}
    assert set(said.reference) == {"head.weight"}
    assert set(said.port) == {"params/out/kernel", "batch_stats/out/mean"}
    assert len({*said.reference.values(), *said.port.values()}) == 1


def test_a_star_stands_for_the_same_text():
    said = applied({"enc.*": "b*"}, NAMES, PATHS)
    assert said.reference["enc.0.fc.bias"] == said.port["params/b0/Dense_0/kernel"]
    assert said.reference["enc.1.fc.bias"] == said.port["params/b1/Dense_0/kernel"]
    assert said.reference["enc.0.fc.bias"] != said.reference["enc.1.fc.bias"]
    assert "head.weight" not in said.reference


def test_a_star_is_one_part_of_a_name_and_a_dot_is_a_dot():
    assert set(applied({"enc*": "out"}, NAMES, PATHS).reference) == {"encoder.weight"}
    with pytest.raises(UsageError):
        applied({"head?weight": "out"}, ["head.weight"], PATHS)
    with pytest.raises(UsageError):
        applied({"hea.": "out"}, ["heads.weight"], PATHS)


def test_two_stars_in_their_order():
    said = applied({"enc.*.*.weight": "b*/Dense_0/*"}, ["enc.1.kernel.weight"], PATHS)
    assert said.pairs == {"enc.1.kernel.weight": ("params/b1/Dense_0/kernel", None)}


def test_all_of_a_layer_is_the_layer():
    assert applied({"head.*": "out/*"}, NAMES, PATHS) == applied({"head": "out"}, NAMES, PATHS)


def test_a_name_beside_its_layer_is_said_once():
    said = applied({"enc.0.fc.weight": "b1/Dense_0/kernel", "enc.*": "b*"}, NAMES, PATHS)
    assert said.pairs == {"enc.0.fc.weight": ("params/b1/Dense_0/kernel", None)}
    assert "enc.0.fc.weight" not in said.reference
    assert "enc.0.fc.bias" in said.reference


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"nothing": "out"}, "rules: 'nothing' matches no array of the reference: write a name or a layer's name"),
        ({"head": "nothing"}, "rules: 'head': 'nothing' is no leaf and no layer of the port"),
        ({"enc.*": "out_*"}, "rules: 'enc.*': 'out_0' is no leaf and no layer of the port"),
        ({"head": "b*"}, "rules: 'b*' has more stars than 'head'"),
        ({"head": ("out", (1, 0))}, "rules: 'head': axes can be said of one array alone, not of a layer"),
        ({"head": 3}, "rules: 'head': expected a path of the port or (path, axes), got 3"),
        ({"head": ("out",)}, "rules: 'head': expected a path of the port or (path, axes), got ('out',)"),
        ({"head": "params/ou"}, "rules: 'head': 'params/ou' is no leaf and no layer of the port"),
        ({"head": "ou"}, "rules: 'head': 'ou' is no leaf and no layer of the port"),
    ],
)
def test_a_rule_that_says_nothing_is_refused_in_one_line(rules, told):
    with pytest.raises(UsageError) as caught:
        applied(rules, NAMES, PATHS)
    assert str(caught.value) == told


def test_no_rules_say_nothing():
    said = applied({}, NAMES, PATHS)
    assert (said.pairs, said.reference, said.port) == ({}, {}, {})
