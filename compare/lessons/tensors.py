"""Rows of torchref/tensors.py and jaxport/tensors.py."""

import numpy as np

from compare.lessons.row import Lesson

OWN_WORDS = "each framework says it in its own words"


def _table(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"table": rng.standard_normal((4, 3))}


def _table_and_bias(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"table": rng.standard_normal((4, 3)), "bias": np.array([1.0, 2.0, 3.0])}


def _image(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"image": rng.standard_normal((2, 2, 3))}


def _layer(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 2))}


def _images(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"images": rng.standard_normal((2, 3, 8, 8))}


def _images_and_head(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"images": rng.standard_normal((2, 3, 8, 8)), "head": rng.standard_normal((192, 5)) / 14}


ROWS: list[Lesson] = [
    Lesson(
        name="anatomy",
        title="Shape, dtype and device",
        file="tensors",
        function="anatomy",
        arrays=_table,
        same="Both have a shape, a dtype and a device, and floats are made in float32.",
        different=(
            "torch counts in int64 and keeps float64; JAX, unless x64 is on, makes both 32 bits wide. "
            "torch makes tensors on the CPU unless told, JAX on the GPU where there is one."
        ),
        prevents="An oracle that was to be float64 and is float32, and an index above 2**31 that comes out negative.",
        differs={
            "whole numbers": "torch counts in 64 bits, JAX in 32 unless x64 is on",
            "from NumPy's float64": "JAX halves it without a word unless x64 is on",
            "from NumPy's 2**31 + 1": "JAX keeps the lower 32 bits without a word unless x64 is on",
            "float64 asked for": "JAX gives float32 unless x64 is on",
            "warned": "JAX warns where a wide dtype is asked for by name; torch has nothing to warn of",
            "device": "each framework has its own name for it",
        },
    ),
    Lesson(
        name="broadcasting",
        title="Broadcasting",
        file="tensors",
        function="broadcasting",
        arrays=_table_and_bias,
        same="Shapes are lined up from the last axis; an axis of size 1, or a missing one, is stretched.",
        different="torch raises a RuntimeError that names the axis, JAX a ValueError that names both shapes.",
        prevents="A bias that lands on the rows instead of the columns: where both have the same size, nothing raises.",
        differs={"refused": OWN_WORDS},
    ),
    Lesson(
        name="views",
        title="Views, strides and copies",
        file="tensors",
        function="views",
        arrays=_image,
        same="reshape gives the same numbers in the same order, whatever lies below.",
        different=(
            "A torch view shares memory and must fit the strides, so permute and then view(-1) raises. A JAX array has "
            "no strides and never changes: every shape of the right size fits, and no write is seen elsewhere."
        ),
        prevents=(
            "The error of view after permute, and a reshape that copies where a view was meant: a write to it is lost."
        ),
        differs={
            "refused": "torch's view wants strides that fit, JAX's takes a dtype and no shape",
            "strides": "torch tells each axis's step in memory; a JAX array has no such attribute",
            "contiguous": "JAX has no such question",
            "shares memory": "view and permute share in torch; outside jit each JAX result has a buffer of its own",
            "image after a write to flat": "a write goes through a view; .at[].set makes a new array",
        },
    ),
    Lesson(
        name="bridge",
        title="The NumPy bridge",
        file="tensors",
        function="bridge",
        arrays=_table,
        unpromised=("[1]",),  # of a buffer that JAX may share, and that is written to afterwards
        same=(
            "torch.tensor and jnp.array copy. On the CPU .numpy() and np.asarray hand over the memory itself. A GPU's "
            "array must come to the CPU first: np.asarray copies it there, torch's .numpy() raises until .cpu() is "
            "called."
        ),
        different=(
            "torch.from_numpy always shares, and both may write. JAX may share a buffer that happens to be aligned to "
            "64 bytes, gives NumPy a read-only view, and may read NumPy's buffer after the call has returned."
        ),
        prevents=(
            "A batch buffer filled again while JAX still reads it: copy, wait, then write. And a write through "
            "torch.from_dlpack(jax_array), which changes an array that JAX takes for immutable."
        ),
        differs={
            "from NumPy, sharing": "torch always shares; with JAX it depends on the call and the buffer's address",
            "sharing, after NumPy's write": "JAX promises nothing about a shared buffer that is written to",
            "written by NumPy": "torch's memory may be written, JAX's is read-only",
            "rows backwards": "torch has no negative strides, JAX copies",
            "while differentiating": OWN_WORDS,
        },
    ),
    Lesson(
        name="in_place",
        title="Changes in place",
        file="tensors",
        function="in_place",
        also=("relu_twice",),
        arrays=_layer,
        same="x.add(1) and x + 1 leave x alone. An update can be written into the old memory: in torch by an in-place "
        "operator, in JAX by donation.",
        different=(
            "torch changes tensors, counts each change, and refuses backward where the tape needs what was there. "
            "JAX arrays never change: .at[].set is a new array, and a donated one is gone."
        ),
        prevents=(
            "a1.relu_() after torch.relu, which raises only at backward, and a donated array that is read once more."
        ),
        differs={
            "add_ returns its own tensor": "nothing in JAX changes an array",
            "a leaf refuses": "JAX has no leaves",
            "versions of a1": "JAX arrays never change, so nothing is counted",
            "backward refuses": "what a JAX backward pass keeps cannot be overwritten",
            "an array refuses": "torch tensors take item assignment",
            "donated": "torch has no donation: the caller keeps the tensor, changed",
        },
    ),
    Lesson(
        name="shapes",
        title="Shapes of a batch of images",
        file="tensors",
        function="shapes",
        also=("squeezed",),
        arrays=_images,
        same=(
            "Flattening keeps the order of the numbers, exchanging axes changes it, and a mean removes axes. squeeze "
            "without axes removes the batch axis too when the batch is one image."
        ),
        different=(
            "torch has flatten and unsqueeze, where JAX has reshape and expand_dims. eval_shape traces a JAX function "
            "for its shapes alone; torch has to run it, if only on the device meta."
        ),
        prevents=(
            "reshape in the place of an exchange of axes: the shape is right, but a token holds neighbouring numbers "
            "of one channel instead of one pixel's channels."
        ),
    ),
    Lesson(
        name="image_layouts",
        title="Channels first and channels last",
        file="tensors",
        function="image_layouts",
        arrays=_images_and_head,
        same="Flattened, the two layouts hold the same numbers in two orders, and a linear layer depends on which.",
        different=(
            "torch's layers take NCHW and Flax's NHWC. torch's channels_last changes the strides under an NCHW shape, "
            "which no formula sees; JAX leaves the layout in memory to XLA."
        ),
        prevents="A ported head that fits and is wrong: the rows of its weight must move with the layout.",
        differs={"channels_last": "JAX has no memory format to ask for"},
    ),
    Lesson(
        name="shape_errors",
        title="Reading a shape mismatch",
        file="tensors",
        function="shape_errors",
        arrays=_images_and_head,
        same="A product sums over the left's last axis and the right's last but one; axes before them come along.",
        different=(
            "torch prints both operands, after folding the left's leading axes into one: (2, 3, 8, 8) reads as 48x8. "
            "JAX prints the two sizes that should have been equal."
        ),
        prevents=(
            "A missing flatten, a weight the wrong way round, and what raises nothing: (N, 1) minus (N,) is (N, N)."
        ),
        differs={
            "not flattened": OWN_WORDS,
            "transposed": OWN_WORDS,
            "a size lost": OWN_WORDS,
        },
    ),
]
