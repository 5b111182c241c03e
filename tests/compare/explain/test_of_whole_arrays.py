"""A compiler is told from code that asks for the mesh, by what stays where the port is run on one device."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import jax
import pytest

from compare.explain.locate.difference import UPDATE, Difference
from compare.explain.of_whole_arrays import of_whole_arrays
from compare.frameworks.meshes.layout import MeshLayout
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import built_mesh
from compare.sides.side import STEPS


@dataclass(frozen=True)
class Stub:
    """A run whose port differs where it is told of two devices, or where it is run on two."""

    quartet: Any
    told: bool
    run_on: bool
    what: str = STEPS
    entering: None = None

    @property
    def layout(self) -> MeshLayout:
        return self.quartet.prepared.layout

    @property
    def differing(self) -> dict[str, bool]:
        told, on = (self.layout.told or self.layout.mesh).axes.devices, self.layout.mesh.axes.devices
        return {"update": True} if (self.told and told > 1) or (self.run_on and on > 1) else {}

    @property
    def first(self) -> tuple[Difference, float]:
        return Difference(UPDATE, "", "", "update/weight", "batch", "training", 1.0, 0.0, 0), 1.0

    @property
    def port(self) -> tuple[Any, None]:
        size = (self.layout.told or self.layout.mesh).axes.devices
        return SimpleNamespace(update_program=lambda entering: jax.make_jaxpr(lambda x: x / size)(1.0)), None


@dataclass(frozen=True)
class Quartet:
    prepared: Any

    def with_other(self, side: str, layout: MeshLayout) -> "Quartet":
        assert side == "port"
        return Quartet(SimpleNamespace(layout=layout))


def run_of(told: bool, run_on: bool) -> Any:
    two = replace(built_mesh(mesh_axes("data=1"), "cpu"), axes=mesh_axes("data=2"))
    return Stub(Quartet(SimpleNamespace(layout=MeshLayout(two, {}))), told, run_on)


def test_the_same_program_is_asked_of_one_device_first(cpu):
    """Before anything is said of the compiler."""
    (cause,) = of_whole_arrays([run_of(told=False, run_on=True)]).causes
    assert (cause.cause.setting, cause.cause.certain) == ("partitioning", True)
    (cause,) = of_whole_arrays([run_of(told=True, run_on=False)]).causes
    assert cause.cause.setting == "mesh size"
    assert "test_of_whole_arrays.py:" in cause.cause.text


def test_both_at_once_are_laid_at_the_codes_door_alone_where_it_stays(cpu):
    """What one device told of one does not close is neither."""
    assert of_whole_arrays([run_of(told=True, run_on=True)]).causes[0].cause.setting == "mesh size"
    always = replace(run_of(told=True, run_on=True))
    wrong = type("Wrong", (Stub,), {"differing": property(lambda self: {"update": True})})
    assert of_whole_arrays([wrong(always.quartet, True, True)]) is None


@pytest.mark.parametrize("told", [True, False])
def test_a_layout_alone_keeps_the_mesh_that_its_port_is_told_of(told: bool, cpu):
    """Or does not."""
    own = built_mesh(mesh_axes("data=1"), "cpu")
    alone = MeshLayout(own, {}).alone(told)
    assert alone.mesh.axes.devices == 1
    assert alone.told is (own if told else None)
