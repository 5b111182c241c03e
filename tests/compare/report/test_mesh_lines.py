"""The mesh, for a person."""

from compare.report.contract import MeshForm
from compare.report.mesh_lines import mesh_lines

MESH: MeshForm = {
    "axes": "data=2,model=2",
    "devices": "4 host devices",
    "leaves": {f"params/layers_{at}/kernel": "P(None, model)" for at in range(3)} | {"params/scale": "whole"},
    "inputs": {"x": "P(data)"},
    "collectives": {"all-reduce": 1200, "all-gather": 2},
    "unused": [],
}


def test_leaves_that_are_alike_are_one_line():
    """With how many they are."""
    head, *layouts, collectives = mesh_lines(MESH)
    assert head == "data=2,model=2, 4 host devices, the port compiled for all of them together"
    assert [line.strip() for line in layouts] == [
        "params/layers_{0-2}/kernel: P(None, model) (3 leaves)",
        "params/scale: whole",
        "input.x: P(data)",
    ]
    assert collectives.endswith("1,200 all-reduce, 2 all-gather")


def test_an_axis_that_nothing_uses_is_said():
    """With what to do; and that nothing goes between devices."""
    *_, collectives, unused = mesh_lines({**MESH, "collectives": {}, "unused": ["model"]})
    assert collectives.endswith("none, nothing goes between devices")
    assert unused.startswith("the axis model is used by nothing")
