"""Biases that the port holds in a sum only."""

from compare.weights.mapping.gates import Gate
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.sums import spare_of, summed_inputs, summed_whole
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import dense


def arrays(*layers, bias="bias", gates=None):
    walk = Walk()
    x = walk.input((2, 4))
    for layer, out in layers:
        mark = "/" if "/" in layer else "."
        dense(walk, x, f"{layer}{mark}weight", f"{layer}{mark}{bias}", out=out)
    return arrays_of(walk, dict.fromkeys(walk.units, False), gates=gates or {})


def names(summed):
    return {one.name: other.name for one, other in summed.items()}


def test_layers_that_are_one_over_all_their_inputs_have_one_bias():
    mine, theirs = arrays(("a", 3), ("b", 3), ("c", 3)), arrays(("params/k", 3))
    added = {"params/k": frozenset({"a", "b"})}
    assert names(summed_inputs(mine, theirs, added)) == {"b.bias": "a.bias"}
    assert summed_inputs(mine, theirs, {}) == {}
    assert summed_inputs(arrays(("a", 5), ("b", 5)), theirs, added) == {}


def recurrent(bias):
    """Arrays of one layer's two biases, each known as all of its gates."""
    gates = {f"l.{name}": (Gate(source, "i", "l", True),) for name, source in (("b_ih", "ih"), ("b_hh", "hh"))}
    walk = Walk()
    x = walk.input((2, 4))
    for name in gates:
        walk.elementwise("add", [x, walk.weight(name, (4,))], (2, 4))
    return arrays_of(walk, dict.fromkeys(walk.units, False), gates=gates if bias else {}), gates


def test_of_two_recurrent_biases_the_port_has_the_first():
    mine, _ = recurrent(True)
    theirs = [array for array in recurrent(True)[0] if array.name == "l.b_ih"]
    assert names(spare_of(mine, theirs)) == {"l.b_hh": "l.b_ih"}
    assert spare_of(mine, mine) == {}


def test_the_same_where_gates_say_nothing():
    mine, gates = recurrent(False)
    theirs = mine[:1]
    assert names(summed_whole(mine, theirs, gates)) == {"l.b_hh": "l.b_ih"}
    assert summed_whole(mine, mine, gates) == {}
