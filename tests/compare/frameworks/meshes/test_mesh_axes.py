"""A mesh in words."""

import pytest

from compare.errors import UsageError
from compare.frameworks.meshes.mesh_axes import mesh_axes


def test_axes_come_in_their_order_with_their_sizes():
    """Blanks are no matter."""
    axes = mesh_axes("data=2, model = 3")
    assert (axes.names, axes.devices, str(axes)) == (("data", "model"), 6, "data=2,model=3")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected axes with their sizes"),
        ("data", "expected axes with their sizes"),
        ("data=0", "expected axes with their sizes"),
        ("data=two", "expected axes with their sizes"),
        ("data=2,", "expected axes with their sizes"),
        ("2=data", "expected axes with their sizes"),
        ("data=2;model=2", "expected axes with their sizes"),
        ("data=2,data=2", "the axis data is named twice"),
    ],
)
def test_what_is_no_mesh_is_one_line(text: str, complaint: str):
    """Said with an example, or with the axis."""
    with pytest.raises(UsageError, match=complaint) as raised:
        mesh_axes(text)
    assert "\n" not in str(raised.value)
