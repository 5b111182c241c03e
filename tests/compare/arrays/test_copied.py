"""Tensors and arrays of either framework, copied into NumPy."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.arrays.copied import copied
from compare.errors import UsageError

VALUES = [0.5, -1.25, 3.0]


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (torch.tensor(VALUES), np.float32),
        (torch.tensor(VALUES, dtype=torch.float64), np.float64),
        (torch.tensor(VALUES, dtype=torch.float16), np.float16),
        (torch.tensor(VALUES, dtype=torch.bfloat16), np.float32),
        (torch.tensor(VALUES).to(torch.float8_e4m3fn), np.float32),
        (torch.tensor(VALUES, requires_grad=True), np.float32),
        (torch.nn.Parameter(torch.tensor(VALUES)), np.float32),
        (torch.tensor(VALUES).exp().log().detach().fill_(0.5) * torch.tensor([1, -2.5, 6]), np.float32),
        (torch.tensor([-0.5, 1.25, -3.0])._neg_view(), np.float32),
        (jnp.array(VALUES), np.float32),
        (jnp.array(VALUES, jnp.bfloat16), np.float32),
        (jnp.array(VALUES, jnp.float8_e4m3fn), np.float32),
        (np.array(VALUES, ml_dtypes.bfloat16), np.float32),
        (np.array(VALUES), np.float64),
    ],
)
def test_floats(array, dtype):
    """To the bit; those that NumPy has not come as float32."""
    out = copied(array, "x")
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, VALUES)


@pytest.mark.parametrize("made", [torch.tensor, jnp.array, np.array])
def test_integers_and_booleans(made):
    """As they are."""
    assert copied(made([1, 2]), "x").dtype.kind == "i"
    assert copied(made([True]), "x").dtype == bool
    assert copied(jnp.array([1, -2], jnp.int4), "x").tolist() == [1, -2]


def test_it_is_a_copy():
    """What is done to the tensor later is not seen."""
    tensor = torch.ones(2)
    batch = Batch.of(tensor)
    tensor += 1
    np.testing.assert_array_equal(batch.inputs["input0"], [1, 1])
    assert not batch.inputs["input0"].flags.writeable


def test_wherever_it_stands():
    """In a nest, among the targets, in a batch made by hand; what is no array is passed on."""
    batch = Batch.of({"x": [torch.ones(2), {"y": jnp.ones(3)}], "flag": None}, (torch.ones(1), jnp.ones(4)))
    assert {name: array.shape for name, array in batch.inputs.items()} == {"x.0": (2,), "x.1.y": (3,)}
    assert {name: array.shape for name, array in batch.targets.items()} == {"target0": (1,), "target1": (4,)}
    by_hand = Batch({"x": torch.ones(2, requires_grad=True)}, {"y": jnp.ones(2, jnp.bfloat16)})
    assert [type(array) for array in (by_hand.inputs["x"], by_hand.targets["y"])] == [np.ndarray] * 2
    assert copied("words", "x") == "words"


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize(
    "made",
    [
        lambda: torch.tensor([1 - 2j], dtype=torch.complex64).conj(),
        lambda: torch.tensor([1 + 2j], dtype=torch.complex32),
        lambda: torch.tensor([1 + 2j], requires_grad=True),
        lambda: jnp.array([1 + 2j]),
    ],
    ids=["a conjugate", "half", "wanting a gradient", "JAX"],
)
def test_complex_numbers_come_as_they_are_read(made):
    """A conjugate of torch is a view with a mark; half precision is held in complex64."""
    array = Batch.of({"x": made()}).inputs["x"]
    assert array.dtype.kind == "c"
    assert array.tolist() == [1 + 2j]


def deleted():
    array = jnp.ones(3)
    array.delete()
    return array


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: torch.eye(2).to_sparse(), "a torch.Tensor that cannot be copied .can't convert Sparse layout"),
        (lambda: torch.eye(2, device="meta"), "torch.Tensor that cannot be copied .Cannot copy out of meta tensor"),
        (deleted, "cannot be copied .Array has been deleted"),
        (lambda: jax.random.key(0), r"cannot be copied .a random key: torch draws with none, .* rngs="),
    ],
)
def test_what_has_no_values_is_one_line(made, why):
    """Said with its name, and why."""
    with pytest.raises(UsageError, match=why) as raised:
        Batch.of({"x": made()})
    assert str(raised.value).startswith("batch: x ")
    assert "\n" not in str(raised.value)


def test_a_traced_array_is_one_line():
    """Of a function that is compiled: it has no values."""
    with pytest.raises(UsageError, match=r"batch: x is a jax.* that cannot be copied") as raised:
        jax.jit(lambda x: Batch.of({"x": x}))(jnp.ones(2))
    assert "\n" not in str(raised.value)


def test_neither_framework_is_loaded_for_it():
    """A value of a framework that is not there cannot be."""
    known = "len({'torch', 'jax'} & {*sys.modules})"
    program = f"import sys, numpy; from compare.arrays.copied import copied; copied(numpy.ones(2), 'x'); print({known})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


@pytest.mark.gpu
def test_on_a_card():
    """Both frameworks' arrays, from where they lie."""
    np.testing.assert_array_equal(copied(torch.ones(2, device="cuda"), "x"), [1, 1])
    np.testing.assert_array_equal(copied(jax.device_put(jnp.ones(2), jax.devices("gpu")[0]), "x"), [1, 1])
