"""A port as part of a test suite: pytest's fixture ``assert_port`` comes with the installation.

python -m pytest examples/suite --jaxport-quick --jaxport-report report
"""

from pathlib import Path

import mixer
import numpy as np
import pytest


def test_the_port_is_the_same_function(assert_port):
    """Both models and a batch, where the test has them at hand."""
    x = np.random.default_rng(0).standard_normal((4, 6, 8), dtype=np.float32)
    report = assert_port(mixer.Mixer(), mixer.FlaxMixer(), x)
    assert report.verdict == "match"


def test_the_pair_of_a_file(assert_port):
    """What ``jaxport verify`` takes: the file's own import of compare is jaxport's, whatever else has that name."""
    assert_port.file(Path(__file__).parent / "mixer_pair.py")


@pytest.mark.xfail(reason="shows what a failure looks like: run with --runxfail")
def test_the_tanh_gelu_is_another_function(assert_port):
    """The sentence, the cause and both lines of source are the failure's text."""
    x = np.random.default_rng(0).standard_normal((4, 6, 8), dtype=np.float32)
    assert_port(mixer.Mixer(), mixer.FlaxMixer(approximate=True), x)
