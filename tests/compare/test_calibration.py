"""The verdict's calibration, reproduced: sound networks match, whatever their shape, depth and scale."""

import numpy as np
import pytest

from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.verdict.bits import precision_flag
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import MARGIN, Verdict
from tests.compare.networks import enter_scaled, network_pair, random_architecture

pytestmark = pytest.mark.optimized  # what rounding leaves is measured on programs as users run them
ARCHITECTURES, DRAWS = 24, 9  # 216 networks; the draws of one architecture share its compiled programs


@pytest.fixture(scope="module")
def judged(cpu) -> list:
    """Every quantity of 216 random sound networks, weights scaled by 0.1 to 3: (name, network, judgement, smooth)."""
    rng = np.random.default_rng(2026)
    rows = []
    for number in range(ARCHITECTURES):
        pair = network_pair(random_architecture(rng))
        quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
        for draw in range(DRAWS):
            scale = float(np.exp(rng.uniform(np.log(0.1), np.log(3))))
            entering = enter_scaled(pair, int(rng.integers(1 << 30)), scale, FLOAT32)
            network = f"{pair.title}, draw {draw} of {number}, scale {scale:.2f}"
            found = quartet.judge(*quartet.run(entering))
            rows += [(name, network, one, pair.smooth) for name, one in found.items()]
    return rows


def test_no_quantity_of_a_sound_network_leaves_match(judged):
    """The claim of DESIGN section 4, on 216 networks."""
    assert len({network for _, network, _, _ in judged}) == ARCHITECTURES * DRAWS
    assert [(name, network) for name, network, one, _ in judged if one.verdict is not Verdict.MATCH] == []


def test_the_margin_is_ample_but_not_idle(judged):
    """g / predicted has a median near 1 and stays 10 times below the margin."""
    used = np.array([MARGIN * one.gap / one.allowed for _, _, one, _ in judged if one.allowed > 0])
    assert 0.2 < np.median(used) < 2
    assert np.percentile(used, 99) < 20
    assert used.max() < MARGIN / 10


def test_the_judge_sees_a_relative_difference_of_1e_11(judged):
    """A tolerance that never alarms proves nothing: the detection limit is far below any float32 tolerance."""
    limits = [one.detection_limit for _, _, one, _ in judged if one.scale > 0]
    assert np.median(limits) < 1e-12
    assert np.percentile(limits, 99) < 1e-10


def test_no_sound_network_is_flagged_for_precision(judged):
    """Kinks and luck cost fewer bits than a flag asks for."""
    for smooth in (False, True):
        rows = [(name, network, one) for name, network, one, kind in judged if kind is smooth]
        assert rows
        assert precision_flag(rows, FLOAT32, smooth) is None
