"""How an array of the port shows one of the reference's."""

import numpy as np
import pytest

from compare.explain.locate.shown_by import KnownLayouts, Layout, layouts, relative_distance

RNG = np.random.default_rng(0)
SHOWN = {
    "as it is": ((2, 3, 4), lambda x: x),
    "channels last": ((2, 3, 4, 5), lambda x: x.transpose(0, 2, 3, 1)),
    "merged": ((2, 3, 4), lambda x: x.reshape(6, 4)),
    "permuted, then merged": ((2, 3, 4), lambda x: x.transpose(1, 0, 2).reshape(3, 8)),
    "split": ((2, 12), lambda x: x.reshape(2, 3, 4)),
    "split, then permuted": ((2, 12), lambda x: x.reshape(2, 3, 4).transpose(1, 0, 2)),
    "an axis of one more": ((3, 4), lambda x: x[:, None]),
    "an axis of one less": ((3, 1, 4), lambda x: x[:, 0]),
    "one number": ((), lambda x: x.reshape(1, 1)),
}


def drawn(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


@pytest.mark.parametrize(("shape", "shown"), SHOWN.values(), ids=SHOWN)
def test_a_layout_is_found_and_goes_both_ways(shape, shown):
    """From the arrays alone; bit by bit the same both ways, and not for numbers in another order."""
    mine = drawn(*shape)
    theirs = np.ascontiguousarray(shown(mine))
    number, layout = KnownLayouts().find([mine], theirs, theirs.shape, 0)
    assert number == 0
    np.testing.assert_array_equal(layout.to_port(mine), theirs)
    np.testing.assert_array_equal(layout.to_reference(theirs), mine)
    if mine.size > 1:
        assert (
            relative_distance(mine, layout.to_reference(theirs[::-1] if len(theirs) > 1 else theirs[..., ::-1])) > 0.1
        )


@pytest.mark.parametrize(("mine", "theirs"), [((2, 3), (2, 4)), ((4, 6), (8, 3)), ((2, 3, 4), (4, 6, 2)), ((0,), (1,))])
def test_other_sizes_have_no_layout(mine, theirs):
    """Neither another number of entries, nor axes that are cut across; of equal rank only a permutation is one."""
    assert list(layouts(mine, theirs)) == []
    assert KnownLayouts().find([np.zeros(mine)], None, theirs, 0) is None


def test_the_plainest_of_equals_is_taken():
    """A symmetric array tells nothing: then no axis is moved."""
    symmetric = np.ones((3, 3))
    _, layout = KnownLayouts().find([symmetric], symmetric, (3, 3), 0)
    assert layout.axes == (0, 1)


def test_an_array_that_agrees_in_no_layout_has_that_of_others_of_its_shape():
    """So that what differs is still held against the right entries."""
    seen = KnownLayouts()
    first, other = drawn(3, 3), drawn(3, 3)
    assert seen.find([first], other, (3, 3), 0) == (0, Layout((3, 3), (3, 3), (0, 1)))
    seen.find([first], np.ascontiguousarray(first.T), (3, 3), 0)
    assert seen.find([other], first, (3, 3), 0) == (0, Layout((3, 3), (3, 3), (1, 0)))


@pytest.mark.parametrize(("turned", "axes"), [(True, (0, 2, 1)), (False, (0, 1, 2))])
def test_where_inputs_are_turned_channels_are_last(turned, axes):
    """Before any array has been seen."""
    _, layout = KnownLayouts(turned).find([np.zeros((3, 3, 3))], None, (3, 3, 3), 0)
    assert layout.axes == axes


def test_where_channels_height_and_width_are_as_many_the_layers_input_tells():
    """An array that agrees in no layout leaves a layer as it enters it."""
    reference, port = drawn(2, 4, 4, 4), drawn(2, 4, 4, 4)
    _, layout = KnownLayouts().find([reference], port, port.shape, 0, entered=(0, 2, 3, 1))
    assert layout.axes == (0, 2, 3, 1)


def test_of_several_arrays_the_one_that_agrees_is_taken():
    """Whatever its position: keyword arguments come in any order."""
    one, other = drawn(4, 3), drawn(4, 3)
    assert KnownLayouts().find([one, other], one, (4, 3), 1)[0] == 0
    assert KnownLayouts().find([one, other], drawn(4, 3), (4, 3), 1)[0] == 1
    assert KnownLayouts().find([drawn(2), other], None, (4, 3), 0)[0] == 1


def test_what_is_not_finite_is_no_distance():
    """Minus infinity in a mask, on both sides or on one; arrays of zeros are apart from anything else."""
    mask = np.where(RNG.random((4, 4)) > 0.5, -np.inf, 1.0)
    assert relative_distance(mask, mask) == 0
    assert relative_distance(np.ones(3), np.array([1.0, np.nan, 1.0])) == 0
    assert relative_distance(np.zeros(3), np.full(3, 1e-9)) == 1


def test_a_shape_that_tells_nothing_is_read_as_the_model_has_others():
    """Of 3 channels of 3 by 3, in a port that keeps its channels last; where as many lie plainly, permuted still."""
    seen = KnownLayouts()
    image = drawn(2, 3, 5, 5)
    seen.find([image], image.transpose(0, 2, 3, 1), (2, 5, 5, 3), 0)
    plain = drawn(2, 4, 3, 5)
    for known in range(2):
        _, layout = seen.find([np.zeros((2, 3, 3, 3))], drawn(2, 3, 3, 3), (2, 3, 3, 3), 0)
        assert layout.to_reference(np.zeros((2, 3, 3, 3))).shape == (2, 3, 3, 3)
        np.testing.assert_array_equal(layout.to_reference(image[..., :3, :3]), image[..., :3, :3].transpose(0, 3, 1, 2))
        seen.find([plain], plain, plain.shape, known)


def test_a_layout_leads_between_other_shapes_alike():
    """With a row more, permuted and merged; not where the axes do not go together."""
    layout = next(one for one in layouts((2, 3, 4), (3, 8)) if one.axes == (1, 0, 2)).between((5, 3, 4), (3, 20))
    mine = drawn(5, 3, 4)
    np.testing.assert_array_equal(layout.to_port(mine), mine.transpose(1, 0, 2).reshape(3, 20))
    with pytest.raises(ValueError, match="no layout"):
        layout.between((5, 3, 4), (6, 10))
