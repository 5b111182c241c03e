"""Constructors that are called again, with what they may have been called with."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from compare.frameworks.islands.buffers import constants_torch
from compare.frameworks.islands.remade import makings

STEPS, DIM = 6, 8


def angles(steps: int, dim: int, base: float, **kind: torch.dtype) -> torch.Tensor:
    return torch.outer(torch.arange(steps, **kind).float(), 1 / base ** (torch.arange(0, dim, 2).float() / dim))


@dataclass
class Settings:
    dim: int
    base: float = 10000.0


class Kept(nn.Module):
    """Keeps what it was called with."""

    def __init__(self, dim: int, base: float) -> None:
        super().__init__()
        self.dim, self._base = dim, base
        self.register_buffer("cos", angles(STEPS, dim, base).cos(), persistent=False)


class Forgotten(nn.Module):
    """Keeps nothing, and draws, prints and has layers beside its table."""

    def __init__(self, dim, max_len=32, base=10000.0, stacked=False, *more, **options):
        super().__init__()
        torch.manual_seed(0)
        print("building")
        self.layer = nn.Linear(3, 3)
        table = angles(max_len, dim, base)
        self.register_buffer("table", torch.stack([table.cos(), table.sin()]) if stacked else table.sin())


class Whole(nn.Module):
    """A model of layers, of which the constructor's numbers have to be guessed, one of them not to be overdone."""

    def __init__(self, width, heads, layers, max_len):
        super().__init__()
        assert width % heads == 0
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        table = angles(max_len, width // heads, 10000.0)
        self.register_buffer("table", torch.stack([table.cos(), table.sin()]), persistent=False)


class OfSettings(nn.Module):
    def __init__(self, config: Settings) -> None:
        super().__init__()
        self.settings = config
        self.plain = angles(STEPS, config.dim, config.base).sin()


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(angles(STEPS, DIM, 10000.0).cos(), requires_grad=False)


class Window(nn.Module):
    """Its last entries but one are what cancels: 0.5 - 0.5 cos."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))


def exact(steps: int, dim: int, base: float) -> np.ndarray:
    return np.outer(np.arange(steps), 1 / base ** (np.arange(0, dim, 2) / dim))


CASES = {
    "kept": (lambda: Kept(DIM, 500000.0), "0.cos", np.cos(exact(STEPS, DIM, 5e5))),
    "forgotten": (lambda: Forgotten(DIM), "0.table", np.sin(exact(32, DIM, 1e4))),
    "forgotten, not the defaults": (lambda: Forgotten(DIM, STEPS, 5e5), "0.table", np.sin(exact(STEPS, DIM, 5e5))),
    "whole": (
        lambda: Whole(16, 2, 1, STEPS),
        "0.table",
        np.stack([np.cos(exact(STEPS, 8, 1e4)), np.sin(exact(STEPS, 8, 1e4))]),
    ),
    "settings": (lambda: OfSettings(Settings(DIM)), "0.plain", np.sin(exact(STEPS, DIM, 1e4))),
    "frozen": (Frozen, "0.table", np.cos(exact(STEPS, DIM, 1e4))),
    "torch's own": (Window, "0.window", 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_made_again_in_float64(name, capsys):
    """Exact, and with the errors that the same code can have in float32; nobody's random state or output is touched."""
    build, table, values = CASES[name]
    root = nn.Sequential(build())
    capsys.readouterr()
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    found = makings(root, constants_torch(root))
    making = found[table]
    assert np.abs(making.exact - values).max() < 1e-14
    errors = np.abs(making.rounded(np.random.default_rng(0)) - making.exact)
    held = {constant.name: constant.values for constant in constants_torch(root)}[table]
    assert 0 < np.abs(held - making.exact).max() <= 4 * errors.max() < 1e-4
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()) == before
    assert torch.get_default_dtype() is torch.float32
    assert capsys.readouterr().out == ""


def test_no_call_is_believed_that_makes_another_table():
    """One entry is a unit in the last place off what the constructor makes: somebody has written into it."""
    root = nn.Sequential(Kept(DIM, 10000.0))
    assert makings(root, constants_torch(root))
    root[0].cos[1, 1] = float(np.nextafter(np.float32(root[0].cos[1, 1]), np.float32(2)))
    assert makings(root, constants_torch(root)) == {}


class Unknown(nn.Module):
    """Called with what nothing in it tells."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table)


class Refusing(nn.Module):
    """Does not stand a second call."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        Refusing.calls += 1
        if Refusing.calls > 1:
            raise RuntimeError("once is enough")
        self.register_buffer("table", angles(STEPS, DIM, 10000.0).cos())


def test_a_call_that_makes_far_more_is_ended():
    """A table of 512 rows suggests as many layers of that width, and nobody has the memory."""

    class Huge(nn.Module):
        def __init__(self, layers, max_len=512):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(max_len, max_len) for _ in range(layers))
            self.register_buffer("table", angles(max_len, DIM, 10000.0).cos())

    small = nn.Module()
    small.__class__ = Huge
    small.register_buffer("table", angles(512, DIM, 10000.0).cos() * 2)
    assert makings(small, constants_torch(small)) == {}


@pytest.mark.parametrize("build", [lambda: Unknown(angles(STEPS, DIM, 10000.0).cos()), Refusing])
def test_what_cannot_be_called_again_is_left_out(build):
    """Whatever a constructor raises."""
    root = build()
    assert constants_torch(root)
    assert makings(root, constants_torch(root)) == {}


def test_what_numpy_made_is_no_more_exact():
    """Torch saw it rounded."""

    class OfNumpy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", torch.from_numpy(np.cos(exact(STEPS, DIM, 1e4)).astype(np.float32)))

    root = OfNumpy()
    assert makings(root, constants_torch(root)) == {}
