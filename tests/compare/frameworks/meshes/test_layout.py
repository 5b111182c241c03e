"""What lies where: rules before annotations, rows over ``data``."""

from dataclasses import replace

import jax
import pytest
from jax.sharding import NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.frameworks.meshes.layout import MeshLayout, axes_in, laid_out, placing
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import BuiltMesh, built_mesh

LEAVES = {"params/up/kernel": (8, 4), "params/up/bias": (4,), "params/down/kernel": (4, 8)}


@pytest.fixture(scope="module")
def mesh() -> BuiltMesh:
    """Of two devices by two, of which one stands for all: nothing is put on it."""
    return replace(built_mesh(mesh_axes("data=1,model=1"), "cpu"), axes=mesh_axes("data=2,model=2"))


@pytest.fixture(scope="module")
def layout(mesh: BuiltMesh) -> MeshLayout:
    annotated = {"params/up/kernel": (None, "model"), "params/down/kernel": P("model")}
    return laid_out(mesh, LEAVES, annotated, {"x": (6, 8)}, {"**.down.kernel": P(None, "model")})


def test_a_rule_comes_before_an_annotation_and_the_rest_is_whole(layout: MeshLayout):
    """By path."""
    assert layout.leaves == {
        "params/up/kernel": (None, "model"),
        "params/up/bias": (),
        "params/down/kernel": (None, "model"),
    }
    assert axes_in(layout.leaves) == {"model"}


@pytest.mark.parametrize(
    ("shape", "axis", "spec"),
    [((6, 8), 0, ("data",)), ((8, 6), 1, (None, "data")), ((5, 8), 0, ()), ((0, 8), 0, ()), ((6,), None, ())],
)
def test_rows_are_spread_over_data_where_that_divides_them(layout: MeshLayout, shape: tuple, axis: int | None, spec):
    """An array without rows, or with another number of them, is whole on every device."""
    assert layout.of_input("x", shape, axis) == spec


def test_a_rule_for_an_input_counts_where_it_can(mesh: BuiltMesh):
    """A probe of one row is whole."""
    layout = laid_out(mesh, LEAVES, {}, {"x": (6, 8)}, {"input.x": P(None, "model")})
    assert layout.of_input("x", (6, 8), 0) == (None, "model")
    assert layout.of_input("x", (6, 7), 0) == ()


def test_an_annotation_that_the_mesh_has_no_axis_for_names_the_leaf(mesh: BuiltMesh):
    """As a rule's does."""
    with pytest.raises(UsageError, match="params/up/bias is spread over the axis 'tensor'"):
        laid_out(mesh, LEAVES, {"params/up/bias": ("tensor",)}, {}, {})


def test_a_side_places_its_arrays_as_the_layout_says(layout: MeshLayout, cpu: Device):
    """And on its one device without one."""
    there, alone = placing(layout, cpu.jax), placing(None, cpu.jax)
    assert there.leaf("params/up/kernel") == NamedSharding(layout.mesh.devices, P(None, "model"))
    assert there.whole == NamedSharding(layout.mesh.devices, P())
    assert alone.leaf("params/up/kernel") == alone.whole == SingleDeviceSharding(cpu.jax)
    with there.entered():
        assert jax.sharding.get_mesh() == layout.mesh.devices
    with alone.entered():
        assert jax.sharding.get_mesh().empty


def test_rows_are_spread_over_the_axes_that_a_rule_names(mesh: BuiltMesh, layout: MeshLayout):
    """Both of them: a probe of two rows is none for such a port."""
    assert layout.most_row_parts == 2
    both = laid_out(mesh, LEAVES, {}, {"x": (8, 8)}, {"input.x": P(("data", "model"))})
    assert (both.row_parts, both.most_row_parts) == (2, 4)
