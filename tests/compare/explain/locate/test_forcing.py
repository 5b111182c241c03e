"""Other arrays going on from a cut, other cotangents going back, in the reference as in the port."""

import numpy as np
import torch

from compare.explain.calls.change import Change
from compare.explain.locate.cuts import OUT, Cut
from compare.explain.locate.forcing import Forced, InPlaceOf
from tests.compare.explain.locate.models import chain_pair, cut

USERS_MODELS = True


def test_another_tensor_is_derived_as_the_one_it_stands_for():
    """Its value is that of the other."""
    own, sent = torch.ones(3, requires_grad=True), torch.full((3,), 5.0)
    made = InPlaceOf.apply(2 * own, sent)
    made.sum().backward()
    assert torch.equal(made, sent)
    assert own.grad.tolist() == [2, 2, 2]


def test_each_section_is_a_graph_of_its_own():
    """What goes on from the first layer is sent, whatever it makes; against what it makes another cotangent is taken,
    and what comes back from behind is noted and goes no further."""
    cutter, sections = cut(chain_pair())
    at = Cut("first", 0, OUT, 0)
    shape = next(one for one in sections.passages if one.boundary == at.boundary).values[0].shape
    sent, back = np.full(shape, 0.3), np.arange(np.prod(shape), dtype=float).reshape(shape)
    ends = cutter.reference.watch(sections.entering, sections.mode, Change(), forced=Forced({at: sent}, {at: back}))
    passage = next(one for one in cutter.reference.passages if one.boundary == at.boundary)
    np.testing.assert_allclose(ends["grad/first.bias"], back.sum(0))
    assert np.ptp(ends["output"], axis=0).max() < 1e-12  # all rows alike, since all that was sent is
    assert np.any(passage.cotangents[0])
    assert not np.allclose(passage.values[0], sent)
    plain = cutter.reference.watch(sections.entering, sections.mode)
    np.testing.assert_array_equal(plain["output"], sections.reference_ends["output"])
