"""The reference's lessons on tensors: what the judge cannot see."""

import numpy as np
import pytest
import torch
from torch import nn

from torchref.tensors import anatomy, bridge, image_layouts, in_place, shape_errors, shapes, three_ways, views


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded."""
    return np.random.default_rng(0)


def tensor(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.tensor(rng.standard_normal(shape))


def test_the_defaults_are_those_of_a_fresh_process(rng):
    """int64 to count, float32 for floats, and NumPy's dtype where NumPy made it."""
    made = anatomy(tensor(rng, 4, 3))
    assert made["whole numbers"] == "int64"
    assert made["floats"] == ["float32"] * 3
    assert made["from NumPy's float64"] == made["float64 asked for"] == "float64"
    assert made["from NumPy's 2**31 + 1"] == 2**31 + 1


def test_a_view_shares_and_a_reshape_after_permute_does_not(rng):
    """The write reaches the image; the argument itself is left alone."""
    image = tensor(rng, 2, 2, 3)
    before = image.clone()
    made = views(image)
    assert [name for name, shares in made["shares memory"].items() if not shares] == ["reshaped"]
    assert (made["strides"]["permuted"], made["strides"]["pixels"]) == ((3, 1, 6), (1, 6))
    assert made["image after a write to flat"][0, 0, 0] == 100
    assert torch.equal(made["reshaped"], torch.einsum("chw->hwc", before).flatten())
    assert torch.equal(image, before)
    assert "Use .reshape(...) instead" in made["refused"]


def test_a_view_needs_strides_that_fit_and_not_contiguity():
    """The text says contiguous; height and width of channels-last pixels merge all the same."""
    last = torch.arange(12).view(2, 2, 3).permute(1, 2, 0)
    assert not last.is_contiguous()
    assert last.view(-1, 2).data_ptr() == last.data_ptr()


def test_what_shares_with_numpy_sees_its_writes(rng):
    """Every way that shares, and no copy."""
    table = tensor(rng, 4, 3)
    made = bridge(table)
    assert all(made["from NumPy, sharing"].values())
    assert set(made["sharing, after NumPy's write"].values()) == {100.0}
    assert torch.equal(made["a copy after NumPy's write"], table[0])
    assert made["written by NumPy"] == 50
    assert "use tensor.detach().numpy()" in made["while differentiating"].lower()


def test_a_relu_in_place_breaks_backward_though_no_number_changes(rng):
    """The exact error names relu's output and its version; a leaf is refused at once."""
    made = in_place(tensor(rng, 4, 3), tensor(rng, 3, 2))
    assert made["versions of a1"] == 1
    assert "is output 0 of Relu" in made["backward refuses"]
    assert "is at version 1; expected version 0" in made["backward refuses"]
    assert made["a leaf refuses"] == "a leaf Variable that requires grad is being used in an in-place operation."
    assert made["add_ returns its own tensor"]


@pytest.mark.parametrize(
    ("operation", "breaks"), [("relu", True), ("exp", True), ("sigmoid", True), ("neg", False), ("square", False)]
)
def test_what_is_needed_is_the_operation_s_own_affair(operation, breaks):
    """relu_() breaks the operation before it only where that one keeps its output."""
    leaf = torch.tensor([-1.0, 2.0], requires_grad=True)
    made = getattr(torch, operation)(leaf)
    made.relu_()
    if breaks:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            made.sum().backward()
    else:
        made.sum().backward()
        assert leaf.grad is not None


def test_the_three_ways_have_the_shapes_of_the_exercise(rng):
    """32 images of 224 by 224 in three colours; the device meta, which holds no numbers, says the same."""
    made = shapes(tensor(rng, 2, 3, 8, 8))
    wanted = {"rows": (32, 150528), "planes": (32, 3, 50176), "pixels": (32, 50176, 3), "means": (32, 3)}
    assert made["shapes of (32, 3, 224, 224)"] == wanted
    meta = three_ways(torch.empty(32, 3, 224, 224, device="meta"))
    assert {name: tuple(tensor.shape) for name, tensor in meta.items()} == wanted
    assert made["order kept by"] == ["rows", "planes"]
    assert not torch.equal(made["one pixel"], made["one pixel by reshape"])
    assert torch.equal(made["rows"], nn.Flatten()(made["planes"]))


def test_the_head_must_move_with_the_layout(rng):
    """Unmoved it fits and is wrong; channels_last is invisible to the formula."""
    made = image_layouts(tensor(rng, 2, 3, 4, 5), tensor(rng, 60, 5))
    torch.testing.assert_close(made["NHWC into the moved head"], made["logits"])
    torch.testing.assert_close(made["channels_last logits"], made["logits"])
    assert (made["NHWC into the NCHW head"] - made["logits"]).abs().max() > 1
    assert made["channels_last"] == {"shape": (2, 3, 4, 5), "strides": (60, 1, 15, 3)}


def test_the_message_shows_the_leading_axes_folded(rng):
    """(2, 3, 8, 8) is printed as 48x8: no axis of the tensor has 48."""
    made = shape_errors(tensor(rng, 2, 3, 8, 8), tensor(rng, 192, 5))
    assert made["not flattened"] == "mat1 and mat2 shapes cannot be multiplied (48x8 and 192x5)"
    assert made["transposed"] == "mat1 and mat2 shapes cannot be multiplied (2x192 and 5x192)"
