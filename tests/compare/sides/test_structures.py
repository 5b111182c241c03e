"""What two models return, in words, where it is not the same."""

import numpy as np
import pytest

from compare.sides.structures import Structures

ARRAY = {"output": (2, 3)}


@pytest.mark.parametrize(
    ("reference", "port", "words"),
    [
        (ARRAY, {"output": (3, 2)}, "the reference returns {output: (2, 3)}, the port {output: (3, 2)}"),
        (ARRAY, {"output/0": (2, 3), "output/1": ()}, "the port returns a tuple of 2 and the reference one array: {"),
        ({"output/0": (2,), "output/1/0": ()}, ARRAY, "the port returns one array and the reference a tuple of 2: {"),
        (ARRAY, {"output/a": (), "output/b/c": ()}, "the port returns outputs named a, b and the reference one array"),
        (ARRAY, {}, "the port returns nothing (a call that ends without a return) and the reference one array: {} and"),
    ],
)
def test_each_side_is_named_by_what_holds_its_outputs(reference, port, words):
    """Shapes alone are listed; of other names what holds them comes first."""
    structures = Structures(reference, port)
    assert str(structures).startswith(words)
    assert structures.named_alike == (set(reference) == set(port))


def test_axes_in_another_order_get_the_line_that_turns_them():
    """Followed, it makes the shape; where no order does there is none."""
    wanted, given = (2, 8, 8, 4), (2, 8, 4, 8)
    axes = (0, 3, 1, 2)
    assert f"port_outputs=lambda output: jnp.transpose(output, {axes})" in str(
        Structures({"output": wanted}, {"output": given})
    )
    assert np.transpose(np.zeros(given), axes).shape == wanted
    assert "port_outputs" not in str(Structures({"output": (2, 3)}, {"output": (3, 4)}))
