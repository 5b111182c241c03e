"""The parts of what torch packs: each gate of each array, and of two biases that are added both together."""

import numpy as np
from torch import nn

from compare.explain.doctor.segment.suspects.gate_parts import packed_parts
from tests.compare.explain.doctor.scenes import drawn, moved, scene_of


def test_every_gate_and_the_sum_of_its_biases():
    scene = scene_of(moved(nn.GRU(4, 3, batch_first=True)), [drawn(2, 5, 4)], lambda p, x: x)
    parts = [*packed_parts(scene.calls, scene.weights)]
    assert len(parts) == 3 * 5
    assert [part.rows for part in parts[:3]] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert "the gate z of bias_ih_l0 and bias_hh_l0" in {part.words for part in parts}
    kept = {"weight_hh_l0": np.zeros((9, 3))}
    assert {part.names for part in packed_parts(scene.calls, kept)} == {("weight_hh_l0",)}


def test_a_layer_that_packs_nothing_has_none():
    scene = scene_of(moved(nn.Linear(4, 4)), [drawn(2, 4)], lambda p, x: x)
    assert list(packed_parts(scene.calls, scene.weights)) == []
