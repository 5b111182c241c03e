"""The reference's lessons on tensors: what the judge cannot see."""

import numpy as np
import pytest
import torch
from torch import nn

from torchref.tensors import anatomy, bridge, image_layouts, in_place, relu_twice, shapes, squeezed, views


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded."""
    return np.random.default_rng(0)


def tensor(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.tensor(rng.standard_normal(shape))


def test_the_defaults_are_those_of_a_fresh_process(rng):
    """int64 to count, float32 for floats, and NumPy's dtype where NumPy made it."""
    zeros, listed, steps, wide, large, asked, moved = anatomy(tensor(rng, 4, 3))
    assert steps.dtype == torch.int64
    assert {zeros.dtype, listed.dtype, (steps / 2).dtype} == {torch.float32}
    assert wide.dtype == asked.dtype == torch.float64
    assert large.item() == 2**31 + 1
    assert moved.device.type == "cpu"


def test_a_view_shares_and_a_reshape_after_permute_does_not(rng):
    """The write reaches the image and its views, and no copy."""
    image = tensor(rng, 2, 2, 3)
    before = image.clone()
    flat, last, pixels, reshaped, mended = views(image)
    assert {one.data_ptr() for one in (flat, last, pixels)} == {image.data_ptr()}
    assert image.data_ptr() not in (reshaped.data_ptr(), mended.data_ptr())
    assert (last.stride(), pixels.stride()) == ((3, 1, 6), (1, 6))
    assert image[0, 0, 0] == last[0, 0, 0] == 100
    assert torch.equal(reshaped, torch.einsum("chw->hwc", before).flatten())
    with pytest.raises(RuntimeError, match=r"Use .reshape\(...\) instead"):
        last.view(-1)


def test_a_view_needs_strides_that_fit_and_not_contiguity():
    """The text says contiguous; height and width of channels-last pixels merge all the same."""
    last = torch.arange(12).view(2, 2, 3).permute(1, 2, 0)
    assert not last.is_contiguous()
    assert last.view(-1, 2).data_ptr() == last.data_ptr()


def test_what_shares_with_numpy_sees_its_writes(rng):
    """The tensor on NumPy's memory does, the copy does not; and NumPy writes into the copy's."""
    array = tensor(rng, 4, 3).numpy()
    row = array[0].copy()
    copied, shared, back = bridge(array)
    assert shared[0, 0] == 100
    np.testing.assert_array_equal(copied[0], row)
    assert copied[1, 1] == back[1, 1] == 50


def test_a_relu_in_place_breaks_backward_though_no_number_changes(rng):
    """The exact error names relu's output and its version; a leaf is refused at once."""
    x, w = tensor(rng, 4, 3), tensor(rng, 3, 2).requires_grad_()
    a1 = relu_twice(x, w)
    assert a1._version == 1
    with pytest.raises(RuntimeError, match=r"is output 0 of Relu.* is at version 1; expected version 0"):
        a1.sum().backward()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        w.add_(1)


def test_an_update_is_made_where_the_weight_stands(rng):
    """A new tensor stands elsewhere; a product's output may be written."""
    x, w = tensor(rng, 4, 3), tensor(rng, 3, 2).requires_grad_()
    before, held = w.detach().clone(), x.clone()
    more, changed, gradient = in_place(x, w)
    assert torch.equal(x, held)
    assert torch.equal(more, x + 1)
    assert not changed[0].any()
    torch.testing.assert_close(w.detach(), before - 0.1 * gradient)


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
    """32 images of 224 by 224 in three colours, on the device meta, which holds no numbers."""
    made = shapes(torch.empty(32, 3, 224, 224, device="meta"))[:4]
    assert [tuple(one.shape) for one in made] == [(32, 150528), (32, 3, 50176), (32, 50176, 3), (32, 3)]
    images = tensor(rng, 2, 3, 8, 8)
    rows, planes, pixels, _, centred = shapes(images)
    assert torch.equal(rows, nn.Flatten()(planes))
    assert torch.equal(pixels[0, 1], images[0, :, 0, 1])
    assert not torch.equal(pixels, images.reshape(pixels.shape))
    assert centred.mean((2, 3)).abs().max() < 1e-15


def test_squeeze_without_axes_takes_the_batch_of_one(rng):
    """And of a larger batch the same as with axes."""
    assert [tuple(one.shape) for one in squeezed(tensor(rng, 1, 3, 2, 2))] == [(1, 3), (3,)]
    assert [tuple(one.shape) for one in squeezed(tensor(rng, 2, 3, 2, 2))] == [(2, 3), (2, 3)]


def test_the_head_must_move_with_the_layout(rng):
    """Unmoved it fits and is wrong; channels_last is invisible to the formula."""
    images, head = tensor(rng, 2, 3, 4, 5), tensor(rng, 60, 5)
    logits, wrong, mended = image_layouts(images, head)
    torch.testing.assert_close(mended, logits)
    assert (wrong - logits).abs().max() > 1
    stored = images.contiguous(memory_format=torch.channels_last)
    assert (stored.shape, stored.stride()) == ((2, 3, 4, 5), (60, 1, 15, 3))
    torch.testing.assert_close(stored.flatten(1) @ head, logits)


def test_the_message_shows_the_leading_axes_folded(rng):
    """(2, 3, 8, 8) is printed as 48x8: no axis of the tensor has 48."""
    images, head = tensor(rng, 2, 3, 8, 8), tensor(rng, 192, 5)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(48x8 and 192x5\)"):
        images @ head
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(2x192 and 5x192\)"):
        images.flatten(1) @ head.T
