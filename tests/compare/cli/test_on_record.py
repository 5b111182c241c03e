"""``--record`` and ``--against``: what is refused, and both halves in one process.

Both halves where the other framework is missing: tests/compare/sides/test_records.py.
"""

from pathlib import Path

import pytest

from tests.compare.command_line import CPU, jaxport, refused

USERS_MODELS = True
pytestmark = pytest.mark.usefixtures("elsewhere")
REFERENCE = """
import numpy as np
import torch
from compare import Pair

pair = Pair(torch.nn.Linear(3, 2, bias=BIAS), None, lambda rng: rng.standard_normal((4, 3), dtype=np.float32))
"""
PORT = """
from flax import linen as nn
from compare import Pair

pair = Pair(None, nn.Dense(2), None)
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("a.py", "--record", "r.npz", "--against", "s.npz"), "one at a time"),
        (("a.py", "b.py", "--record", "r.npz"), "take one pair"),
        (("a.py", "--against", "none.npz"), "none.npz: no such file"),
        (("a.py", "--record", "r.npz", "--accept", "bias"), "--accept goes with the port's half"),
    ],
)
def test_refused(arguments, expected):
    """Both at once, several pairs, no record: one line each, before a framework is loaded."""
    for name in ("a.py", "b.py"):
        Path(name).write_text(PORT)
    assert expected in refused(jaxport("verify", *arguments))


def test_recorded_and_judged():
    """The reference's half says what it wrote; the port's half has the verdict, and exit code 1 where it differs."""
    Path("reference.py").write_text(REFERENCE.replace("BIAS", "True"))
    Path("port.py").write_text(PORT)
    Path("wrong.py").write_text(PORT.replace("nn.Dense(2)", "nn.Sequential([nn.Dense(2), lambda x: 1.001 * x])"))
    ran = jaxport("verify", "reference.py", "--record", "r.npz", *CPU)
    assert (ran.code, ran.out.split(":")[0]) == (0, "wrote r.npz"), ran
    ran = jaxport("verify", "port.py", "--against", "r.npz", *CPU)
    assert (ran.code, ran.out.rstrip().split()[-1]) == (0, "match"), ran
    assert jaxport("verify", "wrong.py", "--against", "r.npz", "--no-locate", *CPU).code == 1


def test_what_is_accepted_reaches_the_ports_half():
    """A bias that the port alone has."""
    Path("reference.py").write_text(REFERENCE.replace("BIAS", "False"))
    Path("port.py").write_text(PORT)
    assert jaxport("verify", "reference.py", "--record", "r.npz", "--quick", *CPU).code == 0
    assert "--against" not in refused(jaxport("verify", "port.py", "--against", "r.npz", *CPU))
    ran = jaxport("verify", "port.py", "--against", "r.npz", "--accept", "bias", *CPU)
    assert (ran.code, ran.out.rstrip().split()[-1]) == (0, "match"), ran
