"""Groups of equals taken apart until nothing splits them any more."""

from compare.weights.mapping.groups import Group, SideArrays
from compare.weights.mapping.match import branches, paired, settle
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import chain, dense


def arrays(walk, rules=None):
    found = arrays_of(walk, dict.fromkeys(walk.units, False))
    for array in found:
        array.rule = (rules or {}).get(array.name)
    return found


def told(groups):
    return {group.reference[0].name: group.port[0].name for group in groups if group.settled}


def test_the_only_ones_of_their_kind_are_pairs():
    one, two = chain("a.weight", bias="bias"), chain("params/x/kernel", bias="b", out_first=False)
    groups = paired(arrays(one), arrays(two))
    assert told(groups) == {"a.weight": "params/x/kernel", "a.bias": "params/x/b"}
    assert all(group.reasons == () for group in groups if group.settled)


def test_a_settled_weight_brings_its_bias():
    """The biases are added side by side: only their layers tell them apart."""

    def sides(weights, biases):
        walk = Walk()
        x = walk.input((2, 4))
        ys = [dense(walk, x, weight) for weight in weights]
        ys = [walk.elementwise(name, [y], y.shape) for name, y in zip(("tanh", "exp"), ys, strict=True)]
        for y, bias in zip(ys, biases, strict=True):
            walk.elementwise("add", [y, walk.weight(bias, (4,))], y.shape)
        return arrays(walk)

    one = sides(("a.weight", "b.weight"), ("a.bias", "b.bias"))
    two = sides(("params/x/kernel", "params/y/kernel"), ("params/x/bias", "params/y/bias"))
    groups = [
        Group([array for array in one if array.what == what], [array for array in two[::-1] if array.what == what])
        for what in dict.fromkeys(array.what for array in one)
    ]
    assert told(settle(groups, SideArrays(one), SideArrays(two))) == {
        "a.weight": "params/x/kernel", "b.weight": "params/y/kernel",
        "a.bias": "params/x/bias", "b.bias": "params/y/bias",
    }  # fmt: skip


def test_names_beat_the_order_of_use():
    one, two = chain("first.weight", "second.weight"), chain("params/second/kernel", "params/first/kernel")
    groups = paired(arrays(one), arrays(two))
    assert told(groups)["first.weight"] == "params/first/kernel"
    assert {group.reasons[-1] for group in groups} == {"by name"}


def test_a_rule_keeps_two_arrays_apart_from_all_others():
    one, two = chain("a.w", "b.w"), chain("params/x/k", "params/y/k")
    free = paired(arrays(one), arrays(two))
    assert told(free) == {"a.w": "params/x/k", "b.w": "params/y/k"}
    ruled = paired(arrays(one, {"a.w": "r"}), arrays(two, {"params/y/k": "r"}))
    assert told(ruled) == {"a.w": "params/y/k", "b.w": "params/x/k"}


def test_what_no_evidence_tells_stays_a_group():
    def fork(names):
        walk = Walk()
        x = walk.input((2, 4))
        walk.elementwise("mul", [dense(walk, x, name) for name in names], (2, 4))
        return arrays(walk)

    (group,) = paired(fork(("a.w", "b.w")), fork(("params/x/k", "params/y/k")))
    assert (len(group.reference), len(group.port), group.settled) == (2, 2, False)


def test_layers_that_are_open_in_the_same_way_are_settled_in_the_same_way():
    """Two products of two layers each, one on the other: two ways and not four; the biases go with them."""

    def forks(names):
        walk = Walk()
        x = walk.input((2, 4))
        for pair in names:
            x = walk.elementwise("mul", [dense(walk, x, f"{name}/w", f"{name}/b") for name in pair], (2, 4))
        return arrays(walk)

    mine = forks((("params/l0/k", "params/l0/v"), ("params/l1/k", "params/l1/v")))
    theirs = forks((("params/a0", "params/a1"), ("params/a2", "params/a3")))
    ways = [told(way) for way in branches(paired(mine, theirs), mine, theirs)]
    assert [{way[f"params/l{at}/k/w"] for at in range(2)} for way in ways] == [
        {"params/a0/w", "params/a2/w"}, {"params/a1/w", "params/a3/w"},
    ]  # fmt: skip
    assert all(
        way[name.replace("/w", "/b")] == other.replace("/w", "/b") for way in ways for name, other in way.items()
    )


def test_of_what_is_packed_on_one_side_more_ways_are_tried():
    """Three kernels of three pieces each: the products of one do not tell those of another. Not so of whole arrays."""

    def several(count, packed):
        walk = Walk()
        x = walk.input((2, 4))
        for kernel in range(count):
            if packed:
                whole = walk.weight(f"w{kernel}", (12, 4 + kernel))
                made = [walk.cut(whole, 0, 4 * at, 4 * at + 4) for at in range(3)]
            else:
                made = [walk.weight(f"params/{'abc'[at]}{'xyz'[kernel]}", (4, 4 + kernel)) for at in range(3)]
            x = walk.input((2, 4 + kernel))
            ys = [walk.dot(x, one, [(1, 1)], []) for one in made]
            walk.elementwise("mul", [walk.elementwise("mul", ys[:2], (2, 4)), ys[2]], (2, 4))
        return walk

    here, there = (
        arrays_of(walk, dict.fromkeys(walk.units, False), frozenset(f"w{at}" for at in range(3)))
        for walk in (several(3, True), several(3, False))
    )
    groups = paired(here, there)
    assert [len(group.reference) for group in groups if group.open] == [3, 3, 3]
    assert len(branches(groups, here, there)) == 216
    for array in here:
        array.tag = ""
    assert branches(groups, here, there) == [groups]


def test_what_is_left_over_on_both_sides_and_has_one_shape_is_paired():
    table, shift = Walk(), Walk()
    table.take(table.weight("pos.weight", (5, 4)), table.input((5,)), [0], (5, 4))
    shift.elementwise("add", [shift.input((2, 5, 4)), shift.weight("params/pe", (5, 4))], (2, 5, 4))
    (group,) = [group for group in paired(arrays(table), arrays(shift)) if group.settled]
    assert group.reasons == ("the only one of its shape",)


def test_a_matrix_is_never_paired_by_its_shape_alone():
    table, matrix = Walk(), Walk()
    table.take(table.weight("t", (4, 4)), table.input((5,)), [0], (5, 4))
    dense(matrix, matrix.input((2, 4)), "params/k")
    groups = paired(arrays(table), arrays(matrix))
    assert not any(group.settled for group in groups)
    narrow = arrays(chain("w"))
    wide = Walk()
    dense(wide, wide.input((2, 4)), "params/k", out=6)
    assert not any(group.settled for group in paired(narrow, arrays(wide)))
    assert sorted((len(group.reference), len(group.port)) for group in groups) == [(0, 1), (1, 0)]
