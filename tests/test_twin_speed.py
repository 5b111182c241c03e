"""The benchmark of the twins' speed: a family is run beside optax's, and a word is said where it may be."""

import json

import numpy as np
import pytest

from benchmarks import twin_speed
from benchmarks.twin_speed import PAIRS, lines, main, measured, word

USERS_MODELS = True  # optax's Adam does not run under strict promotion


def test_a_family_is_measured_beside_optaxs_and_kept(tmp_path, monkeypatch, capsys):
    """With the machine's fingerprint; what is printed is what the file says."""
    monkeypatch.setattr(twin_speed, "pin", lambda threads: None)  # which is for good
    monkeypatch.setattr(twin_speed, "fingerprint", lambda device: {"device": device.name})
    main(
        ["--entries", "60", "--rounds", "3", "--block", "0.0001", "--only", "rprop", "--json", str(tmp_path / "s.json")]
    )
    form = json.loads((tmp_path / "s.json").read_text())
    assert form["environment"] == {"device": "cpu"}
    (found,) = form["families"]
    assert found["state_bytes"] == {"twin": 2 * 4 * 56, "optax": 2 * 4 * 56}  # 7 rows of 7, and 7
    assert found["wall"]["times"]["low"] <= found["wall"]["times"]["value"] <= found["wall"]["times"]["high"]
    assert capsys.readouterr().out.splitlines() == [*lines(form)]


def test_every_program_runs_as_many_steps_in_every_round():
    """Twin, optax's own, and that once more."""
    found, steps = measured(PAIRS["adam, amsgrad"], 60, 0.0001, 2)
    assert steps >= 1
    assert {name: len(own) for name, own in found["processor"].items()} == {"twin": 2, "optax": 2, "optax again": 2}
    assert (np.array([*found["wall"].values()]) > 0).all()


@pytest.mark.parametrize(
    ("low", "high", "noise", "said"),
    [
        (0.9, 1.1, 0.01, ""),
        (1.11, 1.3, 0.01, "above 1.1"),
        (1.0, 1.2, 0.01, "1.1 is within its interval"),
        (1.2, 1.3, 0.2, "noise of 20%: measure again"),
    ],
)
def test_a_word_is_said_of_the_whole_interval(low, high, noise, said):
    """And none where the same program is as far from itself."""
    assert word({"times": {"low": low, "high": high}, "noise": noise}) == said
