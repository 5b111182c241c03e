"""What the doctor is shown of one place."""

import pytest

from compare.explain.calls.change import Change
from compare.explain.locate.difference import FORWARD
from compare.explain.locate.introduced import by_place
from compare.explain.scenes import scene_of
from tests.compare.explain.locate.models import (
    looked,
)

USERS_MODELS = True


def test_the_doctor_is_shown_what_differs_there():
    """Arrays of both sides in one layout, the layers, and a run of the reference that ends where it differs."""
    seen = looked("a norm's epsilon")
    scene = scene_of(seen, seen.found[:1])
    assert (scene.reference_path, scene.direction) == ("norm", FORWARD)
    assert scene.reference_layer.eps == 1e-5
    assert scene.port_layer.epsilon == 1e-6
    assert scene.plain.keys() == scene.port.keys() == scene.allowed.keys() == {"out/0"}
    assert set(scene.weights) == {"norm.weight", "norm.bias"}
    assert [call.name for call in scene.calls] == ["layer_norm"]
    gap = abs(scene.plain["out/0"] - scene.port["out/0"]).max()
    assert gap > 1e-6
    assert abs(scene.run(Change())["out/0"] - scene.plain["out/0"]).max() == 0


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("another shape", {"out/0"}),
        ("a parameter's gradient", {"grad/last.bias"}),
        ("a batch norm's momentum", {"state/norm.running_mean", "state/norm.running_var"}),
        ("the loss", {"loss", "grad/out/0"}),  # what comes back from it tells a factor from an offset
        ("the loss's gradient", {"grad/out/0"}),
        ("a gradient between layers", {"grad/out/0"}),
    ],
)
def test_every_kind_of_difference_can_be_shown(name, keys):
    """Also an array of another shape; the port's differs from the reference's."""
    seen = looked(name)
    (group,) = by_place(seen.found)
    scene = scene_of(seen, group)
    assert scene.plain.keys() == scene.port.keys() == keys
    assert scene.run(Change()).keys() == keys
    for key in keys:
        same = scene.plain[key].shape == scene.port[key].shape
        assert not same or abs(scene.plain[key] - scene.port[key]).max() > 1e-7
