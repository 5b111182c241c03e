"""Rules by name, and what can be spread so."""

import pytest
from jax.sharding import PartitionSpec as P

from compare.errors import UsageError
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.shard_rules import by_rules, check_sharding, check_spec, in_words, is_divided, spec_of

PATHS = ["params/up/kernel", "params/up/bias", "params/blocks/0/up/kernel", "params/kernel", "input.x"]
AXES = mesh_axes("data=2,model=4")


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("**.kernel", ["params/up/kernel", "params/blocks/0/up/kernel", "params/kernel"]),
        ("*.kernel", ["params/up/kernel", "params/kernel"]),
        ("up/*", ["params/up/kernel", "params/up/bias"]),
        ("params/up/kernel", ["params/up/kernel"]),
        ("blocks.**", ["params/blocks/0/up/kernel"]),
        ("**", PATHS),
        ("**.u*.bias", ["params/up/bias"]),
        ("input.x", ["input.x"]),
    ],
)
def test_a_pattern_matches_paths_with_their_collection_or_without(pattern: str, matched: list[str]):
    """One star is one part of a path, or letters of one; two are any number of parts."""
    assert [*by_rules({pattern: P("model")}, PATHS)] == matched


def test_the_first_rule_that_matches_counts():
    """Whole where it says so."""
    found = by_rules({"up.kernel": P(), "**.kernel": P(None, "model")}, PATHS)
    assert found["params/up/kernel"] == ()
    assert found["params/kernel"] == (None, "model")


def test_a_rule_that_matches_nothing_is_refused():
    """With a path as it would be written."""
    with pytest.raises(UsageError, match=r"sharding: '\*\*.kernels' matches no leaf .* such as 'params/up/kernel'"):
        by_rules({"**.kernels": P("model")}, PATHS)


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ([], "expected a dictionary of name patterns"),
        ({1: P()}, "expected a pattern of the port's paths"),
        ({"up": "model"}, "expected a PartitionSpec"),
        ({"up": P(None, 3)}, "expected None, an axis or a tuple of axes"),
    ],
)
def test_what_can_be_no_rule_is_refused_where_the_pair_is_made(rules: object, complaint: str):
    """Whatever the port and the mesh are."""
    with pytest.raises(UsageError, match=complaint):
        check_sharding(rules)


def test_a_specification_is_plain_names():
    """A tuple is as good as a PartitionSpec."""
    assert (
        spec_of(P(None, ("data", "model")), "") == spec_of((None, ["data", "model"]), "") == (None, ("data", "model"))
    )
    assert (in_words((None, "model")), in_words(())) == ("P(None, model)", "whole")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (("tensor",), "params/up is spread over the axis 'tensor', which the mesh has not"),
        (("data", "data"), "params/up is spread over the axis 'data' in two dimensions"),
        ((None, None, "data"), r"params/up has 2 dimensions, and its sharding P\(None, None, data\) more"),
        ((None, "model"), "dimension 1 has 6 entries, which model=4 does not divide"),
        ((("data", "model"),), r"dimension 0 has 4 entries, which data\*model=8 does not divide"),
    ],
)
def test_what_cannot_be_spread_so_says_which_array_and_which_dimension(spec: tuple, complaint: str):
    """The array has the shape (4, 6)."""
    with pytest.raises(UsageError, match=complaint):
        check_spec("params/up", (4, 6), spec, AXES)


def test_what_can_be_is_returned_without_its_whole_end():
    """A dimension that is not named is whole."""
    assert check_spec("up", (4, 6, 2), ("model", None, None), AXES) == ("model",)
    assert is_divided((4, 6), ("model",), AXES)
    assert not is_divided((6, 6), ("model",), AXES)
