"""A sum that is divided by another count: named, and no cause where the count is the mask's on both sides."""

import jax.numpy as jnp
import pytest
import torch

from compare.explain.doctor.segment.diagnose import diagnose
from tests.compare.explain.doctor.scenes import holds, scene_of
from tests.compare.explain.doctor.segment.suspects.test_indices import LENGTHS, Taking, X


def averaged(x, lengths):
    kept = (torch.arange(5)[None] < lengths[:, None])[..., None].to(x.dtype)
    return (x * kept).sum(1) / kept.sum(1)


def averaged_by(count):
    def port(p, x, lengths):
        kept = (jnp.arange(5)[None] < lengths[:, None])[..., None]
        return jnp.tanh((x * kept).sum(1) / count(kept))

    return port


@pytest.mark.parametrize(("count", "value"), [(lambda kept: 5, "all entries")])
def test_another_count_is_named(count, value):
    """All steps, padded ones too."""
    cause = holds(scene_of(Taking(averaged), [X, LENGTHS], averaged_by(count)), "count").causes[0]
    assert cause.port == value


def test_the_masks_own_count_has_no_cause():
    """The same mean on both sides."""
    scene = scene_of(Taking(averaged), [X, LENGTHS], averaged_by(lambda kept: kept.sum(1)))
    assert diagnose(scene).causes == ()
