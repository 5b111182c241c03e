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


SOFTMAX = """
import jax
import numpy as np
import optax
import torch
from flax import linen as nn
from compare import Pair


class Reference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
        torch.nn.init.zeros_(self.k.bias)

    def forward(self, x):
        return torch.softmax(self.q(x) @ self.k(x).mT, -1) @ x


class Port(nn.Module):
    bias: bool = False

    @nn.compact
    def __call__(self, x):
        q, k = nn.Dense(4, name="q")(x), nn.Dense(4, name="k", use_bias=self.bias)(x)
        return jax.nn.softmax(q @ k.swapaxes(-1, -2), -1) @ x


BATCH = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("f")
OPTIMIZERS = (lambda own: torch.optim.AdamW(own, lr=0.1, weight_decay=0.1), optax.adamw(0.1, weight_decay=0.1))
"""
HALVES = {
    "reference.py": "pair = Pair(Reference(), None, BATCH, optimizers=(OPTIMIZERS[0], None))",
    "port.py": "pair = Pair(None, Port(), None, optimizers=(None, OPTIMIZERS[1]))",
    "biased.py": "pair = Pair(None, Port(True), None, optimizers=(None, OPTIMIZERS[1]))",
}


def test_a_parameter_of_the_reference_alone_is_accepted_where_it_is_recorded():
    """It keeps its value there and is not trained, and need not be named again."""
    for name, half in HALVES.items():
        Path(name).write_text(SOFTMAX + half)
    with_it, without = ("verify", "reference.py", "--quick", "--record"), ("verify", "port.py", "--against")
    assert jaxport(*with_it, "all.npz", *CPU).code == 0
    assert jaxport(*with_it, "held.npz", "--accept", "k.bias", *CPU).code == 0
    for more in ((), ("--accept", "k.bias")):
        ran = jaxport(*without, "held.npz", *more, *CPU)
        assert (ran.code, ran.out.rstrip().split()[-1]) == (0, "match"), ran
    assert "record it again with --accept k.bias" in refused(jaxport(*without, "all.npz", "--accept", "k.bias", *CPU))
    ran = jaxport("verify", "biased.py", "--against", "held.npz", *CPU)
    assert "the record leaves k.bias out, and the port has it" in refused(ran)
