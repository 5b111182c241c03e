"""An exception inside a model is told with the layer that raised it."""

from pathlib import Path

import equinox as eqx
import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from compare.api import verify
from compare.errors import UsageError
from compare.frameworks.blame import described, is_out_of_memory, layer_of, line_of, program_goes_on

USERS_MODELS = True
X = np.ones((2, 3), np.float32)


class Inner(torch.nn.Module):
    def forward(self, x):
        raise ValueError("no\nway")


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Identity(), Inner()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class LinenInner(linen.Module):
    @linen.compact
    def __call__(self, x):
        raise ValueError("no way")


class LinenOuter(linen.Module):
    @linen.compact
    def __call__(self, x):
        return LinenInner(name="second")(linen.Dense(3, name="first")(x))


class NNXInner(nnx.Module):
    def __call__(self, x):
        raise ValueError("no way")


class NNXOuter(nnx.Module):
    def __init__(self):
        self.second = NNXInner()

    def __call__(self, x):
        return self.second(x)


class EquinoxInner(eqx.Module):
    def __call__(self, x):
        raise ValueError("no way")


class EquinoxOuter(eqx.Module):
    second: list[EquinoxInner]

    def __call__(self, x):
        return jax.vmap(self.second[0])(x)


@pytest.mark.parametrize(
    ("run", "path"),
    [
        (lambda: Outer()(torch.ones(2, 3)), "blocks.1"),
        (lambda: LinenOuter().init(jax.random.key(0), jnp.ones((2, 3))), "second"),
        (lambda: NNXOuter()(jnp.ones((2, 3))), "second"),
        (lambda: EquinoxOuter([EquinoxInner()])(jnp.ones((2, 3))), "second/0"),
        (lambda: int("x"), ""),
    ],
    ids=["torch", "linen", "nnx", "equinox", "none"],
)
def test_the_innermost_layer_is_named(run, path):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whatever is raised
        run()
    assert layer_of(caught.value) == path
    assert "\n" not in described(caught.value)


def test_a_report_that_cannot_start_names_side_and_layer():
    class Sound(linen.Module):
        @linen.compact
        def __call__(self, x):
            return x

    with pytest.raises(UsageError, match=r"reference.*ValueError in blocks\.1: no way"):
        verify(Outer(), Sound(), X, device="cpu")
    with pytest.raises(UsageError, match=r"port.*ValueError in second: no way"):
        verify(torch.nn.Linear(3, 3), LinenOuter(), X, device="cpu")


HERE = Path(__file__).name


def _fails(x):
    return helped(x)


def helped(x):
    return jnp.reshape(x, (9, 9))


@pytest.mark.parametrize("sided", ["port", "reference"])
def test_the_users_own_line_is_named(sided, monkeypatch, request):
    """The innermost that is the user's, relative to the working folder; not the library's that raised."""
    monkeypatch.chdir(request.config.rootpath)

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return _fails(linen.Dense(3)(x))

    class Reference(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x).view(9, 9)

    reference, port = (torch.nn.Linear(3, 3), Port()) if sided == "port" else (Reference(3, 3), linen.Dense(3))
    with pytest.raises(UsageError, match=rf"the {sided} raised .*\(tests/compare/frameworks/{HERE}:\d+\)$") as raised:
        verify(reference, port, X, device="cpu", quick=True)
    line = int(str(raised.value).rpartition(":")[2].rstrip(")"))
    text = Path(__file__).read_text().splitlines()[line - 1]
    assert ("jnp.reshape" if sided == "port" else "view(9, 9)") in text


def test_jaxs_own_message_ends_before_it_names_this_package():
    """It says which function is traced, and that is one of ours."""

    class Branching(linen.Module):
        @linen.compact
        def __call__(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(UsageError, match="TracerBoolConversionError") as raised:
        verify(torch.nn.Identity(), Branching(), X, device="cpu", quick=True)
    assert "occurred while tracing" not in str(raised.value)
    assert "compare/" not in str(raised.value).replace("tests/compare/", "")


def test_an_exception_without_words_is_told_by_its_type():
    assert described(AssertionError()) == "AssertionError"
    assert line_of(AssertionError()) == ""


@pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit("mine")])
def test_what_would_end_the_program_is_an_error_of_the_users_code(error):
    with (
        pytest.raises(UsageError, match=rf"ended the program: {type(error).__name__}: \w+ \(.*{HERE}:\d+\)"),
        program_goes_on(),
    ):
        raise error


class Cancelled(BaseException):
    """As pytest ends a test and an event loop a task."""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x"), Cancelled()])
def test_anything_else_is_passed_on(error):
    with pytest.raises(type(error)), program_goes_on():
        raise error


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 800 bytes."),
            True,
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Shared memory size limit exceeded: 300 of 200"), False),
        (RuntimeError("out of memory is what this model is about"), False),
        (ValueError("RESOURCE_EXHAUSTED: Out of memory"), False),
    ],
)
def test_what_finds_no_room_is_told_from_what_is_wrong(error: Exception, is_one: bool):
    """Whatever it was raised from, too."""
    assert is_out_of_memory(error) is is_one
    around = KeyError("a layer")
    around.__cause__ = error
    assert is_out_of_memory(around) is is_one
