"""Tables that both sides hold rounded: sound ports have a witness, and a base 1e-5 off has none."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.api import verify
from compare.frameworks.islands.constants import Constant
from compare.frameworks.islands.last_place import units
from compare.frameworks.islands.lookout import Piece, Window
from compare.sides import tables

USERS_MODELS = True
STEPS, WIDTH, EPS = 6, 8, 1e-5


def batch(rng):
    return rng.standard_normal((2, STEPS, WIDTH), dtype=np.float32)


def sinusoid(library, base=10000.0, **kind):
    """Sines, then cosines, of (steps, width), as either array library makes them."""
    half = WIDTH // 2
    speeds = base ** (-library.arange(half, **kind) / half)
    angles = library.arange(STEPS, **kind)[:, None] * speeds
    return library.concatenate([library.sin(angles), library.cos(angles)], -1).astype(np.float32)


class Reference(torch.nn.Module):
    """Adds a table of positions, which it made in float32 when it was built."""

    def __init__(self, by=1.0, held="buffer"):
        super().__init__()
        torch.manual_seed(0)
        self.by, self.held = by, held
        self.norm, self.head = torch.nn.LayerNorm(WIDTH, EPS), torch.nn.Linear(WIDTH, 5)
        if held == "parameter":
            self.register_parameter("table", torch.nn.Parameter(self.made(torch.float32), requires_grad=False))
        elif held == "buffer":
            self.register_buffer("table", self.made(torch.float32), persistent=False)

    def made(self, dtype):
        half = WIDTH // 2
        angles = torch.arange(STEPS, dtype=dtype)[:, None] * 10000.0 ** (-torch.arange(half, dtype=dtype) / half)
        return torch.cat([angles.sin(), angles.cos()], -1)

    def forward(self, x):
        table = self.table if self.held else self.made(x.dtype)
        return torch.tanh(self.head(self.norm(x) + self.by * table.to(x.dtype)))


class Port(linen.Module):
    table: Any  # what makes it: called once, before anything is traced, or in every call
    by: float = 1.0
    eps: float = EPS

    @linen.compact
    def __call__(self, x):
        table = jnp.asarray(self.table()).astype(x.dtype)
        return jnp.tanh(linen.Dense(5, name="head")(linen.LayerNorm(self.eps, name="norm")(x) + self.by * table))


class PortNNX(nnx.Module):
    """Holds its table in a variable that no training changes."""

    def __init__(self, base=10000.0):
        rngs = nnx.Rngs(0)
        self.norm, self.head = nnx.LayerNorm(WIDTH, epsilon=EPS, rngs=rngs), nnx.Linear(WIDTH, 5, rngs=rngs)
        # Rows of which the model takes the first: the reference keeps none of this shape that would be its counterpart.
        self.table = nnx.Variable(jnp.pad(jnp.asarray(sinusoid(jnp, base)), ((0, 1), (0, 0))))

    def __call__(self, x):
        return jnp.tanh(self.head(self.norm(x) + self.table[...][: x.shape[1]].astype(x.dtype)))


def held(*args, **kind):
    table = sinusoid(*args, **kind)
    return lambda: table


SOUND = {
    "rounded once": (Reference(), Port(held(np))),
    "float32 of NumPy's": (Reference(), Port(held(np, np.float32(10000), dtype=np.float32))),
    "float32 of JAX's": (Reference(), Port(held(jnp, dtype=jnp.float32))),
    "made in the call": (Reference(), Port(lambda: sinusoid(np))),
    "NNX variable": (Reference(), PortNNX()),
    "frozen parameter": (Reference(1e-3, "parameter"), Port(held(np, np.float32(10000), dtype=np.float32), 1e-3)),
}


@pytest.mark.parametrize("name", SOUND)
def test_tables_rounded_on_both_sides_have_a_witness(name):
    """One exact table in both places closes every gap; both are named."""
    report = verify(*SOUND[name], batch, device="cpu", quick=True)
    reasons = {one.judgement.reason for one in report.found.quantities if one.verdict == "float32_only"}
    assert report.verdict == "float32_only"
    assert len(reasons) == 1
    (reason,) = reasons
    assert "table of the reference" in reason
    assert "of the port at" in reason


FAULTS = {
    "base 10001": (Reference(), Port(held(np, 10001.0))),
    "base 10000.1": (Reference(), Port(held(np, 10000.1))),
    "base 10000.1 (NNX)": (Reference(), PortNNX(10000.1)),
    "base 10000.1, parameter": (Reference(1e-3, "parameter"), Port(held(np, 10000.1), 1e-3)),
    "epsilon 1 % off": (Reference(), Port(held(np), eps=1.01 * EPS)),
    "a row off": (Reference(), Port(lambda: np.roll(sinusoid(np), 1, 0))),
    "base 10001, in the port alone": (Reference(1e-3, ""), Port(held(np, 10001.0), 1e-3)),
    "base 10001, in the reference alone": (Reference(1e-3), Port(lambda: sinusoid(jnp, 10001.0), 1e-3)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_rounding_does_not_explain_has_none(name):
    """Whether the tables are to blame, or stand beside the fault."""
    assert verify(*FAULTS[name], batch, device="cpu", quick=True).verdict == "mismatch"


def test_a_table_that_is_not_responsible_is_not_named():
    """The least set: a second table is rounded too, and enters times 0."""

    class Both(Port):
        @linen.compact
        def __call__(self, x):
            idle = jnp.asarray(np.sin(self.table()))[: x.shape[1]] * 0.0
            return Port(self.table, self.by, name="port")(x) + idle.sum()

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.port = Reference()

        def forward(self, x):
            return self.port(x)

    report = verify(Wrapped(), Both(held(np)), batch, device="cpu", quick=True)
    reasons = {one.judgement.reason for one in report.found.quantities if one.verdict == "float32_only"}
    assert [reason.count("an array") for reason in reasons] == [1]


TABLE = np.sin(np.arange(1, 7) * 0.3).astype(np.float32).astype(np.float64)
HELD = Constant(0, "here:1", TABLE)


class Shown:
    """What the code of a value shows, and how often it was asked for."""

    def __init__(self, error):
        self.error, self.asked = error, 0

    def of(self, pieces):
        self.asked += 1
        return {piece.order: np.full(piece.values.shape, self.error) for piece in pieces}


@pytest.mark.parametrize(
    ("ulps", "shown", "own", "admitted"),
    [
        (1.9, 0, 0, True),
        (2.1, 0, 0, False),
        (3.9, 1, 0, True),
        (4.1, 1, 0, False),
        (9.9, 0, 10, True),
        (11, 0, 10, False),
    ],
)
def test_rounding_explains_so_much_and_no_more(ulps, shown, own, admitted):
    """Two units in the last place, four times what a piece's code shows, once what the table's own code shows: entry
    by entry, and code is run only where the units do not do."""
    unit = units(TABLE)
    other = TABLE.copy()
    other[3] += ulps * unit[3]
    errors = Shown(shown * unit.max())
    values = tables._admitted(HELD, [Piece(0, (Window(),), other)], errors, own * unit)
    assert (values is not None) == admitted
    assert bool(errors.asked) == (ulps > max(2, own))


def test_two_rounded_tables_are_each_so_far_from_one_between():
    """Neither side's code can be run: four units from one to the other."""
    unit = units(TABLE)
    for apart, admitted in ((4, True), (5, False)):
        other = TABLE + apart * unit
        assert np.array_equal(other, other.astype(np.float32))
        assert (tables._admitted(HELD, [Piece(0, (Window(),), other)], Shown(0.0)) is not None) == admitted
