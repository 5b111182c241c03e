"""Identical arrays: each way in which two frameworks that share a buffer go wrong has its test here."""

import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.arrays.arrays import freeze, from_jax, from_parts, from_torch, parts, rounded, to_jax, to_torch
from compare.errors import UsageError
from compare.pair.pair import Batch
from compare.verdict.precision import BFLOAT16, FLOAT16, FLOAT32, FLOAT64

TORCH_CPU = torch.device("cpu")
FLOATS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5), elements=st.floats(width=32)
)


def buffer_at(offset: int, size: int) -> np.ndarray:
    """A float32 array ``offset`` bytes past a 64-byte boundary: on one JAX aliases, off one it copies, but later."""
    raw = np.zeros(size * 4 + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    return raw[start : start + size * 4].view(np.float32)


@pytest.mark.parametrize("offset", [0, 16])
def test_a_live_buffer_is_never_read_after_the_call(offset, cpu):
    """JAX on the CPU dispatches and copies asynchronously; a buffer overwritten at once must not show in the result."""
    buffer = buffer_at(offset, 1 << 20)
    total = jax.jit(lambda x: (jnp.sin(x) * 0 + x).sum())
    for _ in range(40):
        buffer[:] = 1
        result = total(to_jax(buffer, FLOAT32, cpu.jax))
        buffer[:] = 0
        assert float(result) == 1 << 20


def test_neither_side_aliases_the_batch(cpu):
    """Writing to what torch got, or to the array itself, changes nobody else's numbers."""
    buffer = buffer_at(0, 4096)
    on_jax, on_torch = to_jax(buffer, FLOAT32, cpu.jax), to_torch(buffer, FLOAT32, TORCH_CPU)
    assert on_torch.data_ptr() != buffer.ctypes.data
    assert on_jax.unsafe_buffer_pointer() != buffer.ctypes.data
    on_torch.add_(1)
    assert (buffer == 0).all()
    buffer[:] = 2
    assert (from_jax(on_jax) == 0).all()
    assert (from_torch(on_torch) == 1).all()


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64, BFLOAT16])
def test_an_array_that_is_given_up_comes_with_the_same_bits(cpu, precision):
    """In another dtype, in another layout, and as it is, which alone is not copied once more."""
    array = buffer_at(0, 64).reshape(8, 8)
    array[:] = np.random.default_rng(0).standard_normal((8, 8))
    with jax.enable_x64(precision is FLOAT64):
        for view in (array, array.T):
            own = to_jax(view, precision, cpu.jax)
            np.testing.assert_array_equal(from_jax(to_jax(view, precision, cpu.jax, given_up=True)), from_jax(own))
        aliased = to_jax(array, precision, cpu.jax, given_up=True).unsafe_buffer_pointer() == array.ctypes.data
    assert aliased == (precision is FLOAT32)


def test_what_leaves_a_framework_cannot_change_it(cpu):
    """An array from JAX is read-only (torch could write through it otherwise), one from torch is a copy."""
    on_jax, on_torch = jnp.zeros(8), torch.zeros(8, requires_grad=True)
    with pytest.raises(ValueError, match="read-only"):
        from_jax(on_jax)[0] = 1
    from_torch(on_torch)[0] = 1
    assert on_torch[0].item() == 0


def test_a_batch_is_frozen_and_nobody_else_holds_it():
    """Read-only, C-contiguous, and not the caller's own array."""
    own = np.asfortranarray(np.random.default_rng(0).standard_normal((4, 3)))
    batch = Batch({"x": own}, {"y": np.arange(4)})
    own[:] = 0
    for array in (batch.inputs["x"], batch.targets["y"]):
        assert array.flags.c_contiguous
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert (batch.inputs["x"] != 0).all()


VIEWS = ["a[::-1]", "a[:, ::-1]", "a.T", "a[::2, 1:]", "np.broadcast_to(a[:1], (4, 6))"]


@pytest.fixture(scope="module")
def passed() -> tuple[list[str], str]:
    """The views that came through both frameworks, in a process of their own, and what it complained of. A negative
    stride aborts torch's own bridge: that must end no run of tests."""
    program = f"""
        import numpy as np, torch, jax
        from compare.arrays.arrays import freeze, from_jax, from_torch, to_jax, to_torch
        from compare.verdict.precision import FLOAT32
        a = np.arange(24, dtype=np.float32).reshape(4, 6)
        for text in {VIEWS!r}:
            view = eval(text)
            assert (from_torch(to_torch(view, FLOAT32, torch.device("cpu"))) == view).all(), text
            assert (from_jax(to_jax(view, FLOAT32, jax.devices("cpu")[0])) == view).all(), text
            assert freeze(view).flags.c_contiguous, text
            print(text, flush=True)
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    return done.stdout.splitlines(), f"exit code {done.returncode}: {done.stderr}"


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_ends_the_process(view, passed):
    """Each comes back from both frameworks as it went in."""
    views, complaint = passed
    assert view in views, complaint


@given(FLOATS)
def test_the_way_there_and_back_is_bit_identical(array):
    """NaN, infinities, negative zero and subnormals included, in float32 and through float64."""
    device = jax.devices("cpu")[0]
    for precision in (FLOAT32, FLOAT64):
        with jax.enable_x64(precision is FLOAT64):
            back = [from_torch(to_torch(array, precision, TORCH_CPU)), from_jax(to_jax(array, precision, device))]
        for one in back:
            assert one.dtype == precision.name
            assert one.shape == array.shape
            np.testing.assert_array_equal(one.astype(np.float32).view(np.uint32), array.view(np.uint32))


@given(FLOATS)
def test_rounding_happens_once_and_both_sides_hold_the_same_values(array):
    """Rounded to bfloat16 or float16 in NumPy, a value survives the way into either framework unchanged."""
    device = jax.devices("cpu")[0]
    for precision in (BFLOAT16, FLOAT16):
        once = rounded(array, precision)
        assert rounded(once, precision).tobytes() == once.tobytes()
        on_torch, on_jax = to_torch(once, precision, TORCH_CPU), to_jax(once, precision, device)
        assert str(on_torch.dtype) == f"torch.{precision.name}"
        assert on_jax.dtype.name == precision.name
        np.testing.assert_array_equal(from_torch(on_torch), once)
        np.testing.assert_array_equal(from_jax(on_jax), once)


def test_integers_keep_their_values(cpu):
    """torch indexes with int64, JAX without x64 holds int32; rounding leaves integers alone."""
    labels = np.array([0, 9, 2_000_000_000])
    assert to_torch(labels, FLOAT32, TORCH_CPU).dtype is torch.int64
    assert to_jax(labels, FLOAT32, cpu.jax).dtype == jnp.int32
    np.testing.assert_array_equal(from_jax(to_jax(labels, FLOAT32, cpu.jax)), labels)
    np.testing.assert_array_equal(rounded(labels, BFLOAT16), labels)


def test_scalars_stay_scalars(cpu):
    """No axis is added on the way: a 0-d array is a legal parameter and a legal cotangent."""
    one = np.asarray(1.5)
    assert freeze(one).shape == to_torch(one, FLOAT32, TORCH_CPU).shape == to_jax(one, FLOAT32, cpu.jax).shape == ()


def test_an_integer_that_int32_does_not_hold_never_reaches_jax(cpu):
    """It would arrive as another number, without a word."""
    with pytest.raises(UsageError, match="expected integers that int32 holds"):
        to_jax(np.array([2**31]), FLOAT32, cpu.jax)


Z = np.array([[1 + 2j, -3.5j], [0.1 - 0.2j, 1e9 + 1e-9j]])


@pytest.mark.parametrize("array", [Z, Z.astype(np.complex64), Z[0, 0], Z[:0], Z.T], ids=str)
def test_complex_numbers_are_their_parts(array):
    """There and back, whatever the shape; of a contiguous array they are its own memory."""
    floats = parts(array)
    assert floats.shape == (*np.shape(array), 2)
    assert floats.dtype == np.asarray(array).real.dtype
    np.testing.assert_array_equal(floats[..., 0], np.real(array))
    np.testing.assert_array_equal(floats[..., 1], np.imag(array))
    np.testing.assert_array_equal(from_parts(floats), array)
    assert np.shares_memory(parts(Z), Z)


@pytest.mark.parametrize(("precision", "kept"), [(FLOAT64, "complex128"), (FLOAT32, "complex64"),
                                                (BFLOAT16, "complex64"),
                                                (FLOAT16, "complex64")])  # fmt: skip
def test_both_parts_are_rounded_and_both_sides_hold_them(precision, kept, cpu):
    """As the floats that they are, once; where no framework has so short a complex number, in complex64."""
    entered = rounded(Z, precision)
    assert (entered.dtype.name, entered.flags.writeable) == (kept, False)
    np.testing.assert_array_equal(parts(entered), rounded(parts(Z), precision))
    assert rounded(entered, precision) is entered or precision in (BFLOAT16, FLOAT16)
    np.testing.assert_array_equal(rounded(entered, precision), entered)
    tensor = to_torch(entered, precision, cpu.torch)
    assert tensor.dtype is getattr(torch, kept)
    np.testing.assert_array_equal(from_torch(tensor), entered)
    np.testing.assert_array_equal(from_torch(tensor.conj()), entered.conj())
    with jax.enable_x64(precision is FLOAT64):
        array = to_jax(entered, precision, cpu.jax)
        assert array.dtype.name == kept
        np.testing.assert_array_equal(from_jax(array), entered)
