"""Rows of torchref/autograd.py and jaxport/autograd.py."""

import numpy as np

from compare.lessons.row import Lesson


def _mlp(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "x": rng.standard_normal((16, 20)),
        "y": rng.integers(0, 4, 16),
        "W1": rng.standard_normal((32, 20)),
        "b1": 0.1 * rng.standard_normal(32),
        "W2": rng.standard_normal((4, 32)),
        "b2": 0.1 * rng.standard_normal(4),
    }


def _scaled(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The weights as the first lesson scales them, so that few units are saturated."""
    drawn = _mlp(rng)
    return drawn | {name: drawn[name] * (2 / drawn[name].shape[1]) ** 0.5 for name in ("W1", "W2")}


def _three_layers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    sizes = {"x": (16, 20), "W1": (32, 20), "W2": (24, 32), "W3": (4, 24)}
    return {name: rng.standard_normal(size) * (1 if name == "x" else size[1] ** -0.5) for name, size in sizes.items()}


def _regression(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """64 rows of 4 inputs: the minimum is inside, and curves about alike in every direction."""
    x = rng.standard_normal((64, 4))
    return {"x": x, "y": x @ np.array([1.0, -2.0, 0.5, 1.5]) + 0.1 * rng.standard_normal(64), "w": np.zeros(4)}


def _complex_numbers(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"z": rng.standard_normal(6) + 1j * rng.standard_normal(6)}


ROWS: list[Lesson] = [
    Lesson(
        name="tape",
        title="The tape and the function",
        file="autograd",
        function="tape",
        also=("loose_mlp", "scaled_weight"),
        arrays=_mlp,
        same="The same loss and, for each of the four parameters, the same gradient.",
        different="loss.backward() writes into .grad of the leaves that the tape leads back to; jax.grad takes a"
        " function and returns a gradient for each array of the argument that it is asked about.",
        prevents="Scaling a weight after requires_grad: the scaled tensor is no leaf, its .grad stays None, and an"
        " optimizer that was given it has nothing to apply.",
        differs={
            "gradient of W1 after scaling": "no leaf, so None; in JAX the scaled array is an argument like any other",
            "warned": "torch warns when .grad of a non-leaf is read; JAX has no .grad",
            "leaves": "JAX marks no arrays: which argument to differentiate is said when it is asked for",
            "logits made by": "torch records the backward formula, JAX traces the operation itself",
        },
    ),
    Lesson(
        name="by_hand",
        title="The backward pass by hand",
        file="autograd",
        function="by_hand",
        also=("loose_mlp",),
        arrays=_scaled,
        same="Six derivatives, written out with array operations, are what either framework derives by itself, in"
        " every entry, up to rounding.",
        different="In torch the lines run outside the tape because nothing in them asks for a gradient; in JAX they are"
        " a function like any other.",
        prevents="A wrong custom gradient. Fed the same arrays, both ways can be compared entry by entry; one seed in"
        " both frameworks draws different arrays.",
    ),
    Lesson(
        name="accumulation",
        title="Gradients that are never zeroed",
        file="autograd",
        function="accumulation",
        arrays=_regression,
        faces={"optimizer.step()": "w = optax.apply_updates"},
        same="Step k applies the sum of the first k gradients, which is SGD with momentum 1: the loss falls as long as"
        " they point the same way, passes the minimum and climbs back.",
        different="torch adds to .grad unless told to zero it; in JAX a gradient is a value, and the sum has to be"
        " written to happen.",
        prevents="A missing zero_grad(): it raises nothing. The norm of .grad betrays it: it stays large where the"
        " step's own gradient is small.",
    ),
    Lesson(
        name="micro_batches",
        title="Gradients added up on purpose",
        file="autograd",
        function="micro_batches",
        also=("loose_mlp",),
        arrays=_scaled,
        faces={"optimizer.step()": "params = optax.apply_updates"},
        same="The gradients of four micro-batches of equal size, each divided by four, add up to the full batch's.",
        different="torch adds in .grad and steps once; in JAX the sum is carried along, or optax.MultiSteps keeps a"
        " running mean (in float32, unless told otherwise) and returns zero updates until the fourth.",
        prevents="A gradient four times too large (the division forgotten), and parts of unequal size weighted equally,"
        " which is another gradient.",
    ),
    Lesson(
        name="no_grad",
        title="A forward pass without a gradient",
        file="autograd",
        function="no_grad",
        also=("loose_mlp",),
        arrays=_scaled,
        faces={"loss = cross_entropy": "loss = loss_of"},
        same="The same loss, and not one byte kept for a backward pass.",
        different="torch records unless no_grad() says not to, and what was not recorded has no gradient later; JAX"
        " keeps residuals only where a gradient is asked for, and can be asked at any time.",
        prevents="Evaluating with the tape on, which keeps activations alive for a backward pass that never comes.",
        differs={
            "bytes kept": "each keeps what its own backward formulas need; JAX is measured without jit",
            "gradient from that loss": "torch's loss has no tape; in JAX it is the function that has a gradient",
        },
    ),
    Lesson(
        name="detach",
        title="A value without its history",
        file="autograd",
        function="detach",
        also=("head_loss", "written_copy"),
        arrays=_three_layers,
        same="What comes after the cut has its gradient, what comes before has none, and less is kept.",
        different="detach() is no copy: it shares its memory, and a write shows in the original. JAX's arrays cannot be"
        " written. Before the cut torch leaves .grad None, JAX returns zeros.",
        prevents="Changing a detached tensor, as if it were a copy, and with it the activation that the backward pass"
        " needs. detach().clone() copies.",
        differs={
            "gradient of W1": "no gradient reaches it: torch leaves None, JAX returns zeros",
            "bytes kept": "each keeps what its own backward formulas need; JAX is measured without jit",
            "bytes kept with the cut": "each keeps what its own backward formulas need; JAX is measured without jit",
            "original after writing the cut": "torch's was written with it; JAX refuses the write",
            "refused": "torch refuses the backward pass after the write, JAX the write",
        },
    ),
    Lesson(
        name="complex_gradient",
        title="The gradient of complex numbers",
        file="autograd",
        function="complex_gradient",
        also=("distance",),
        arrays=_complex_numbers,
        faces={"loss.backward()": "loss, grad = "},
        same="The loss, its derivatives by the real and the imaginary parts, and, once JAX's gradient is conjugated,"
        " the gradient itself and the loss after a step against it.",
        different="Of a real loss by x + iy torch's .grad is dL/dx + i dL/dy, along which the loss rises; jax.grad"
        " returns its conjugate, by which a small complex change is multiplied. optax steps along what it is given.",
        prevents="A training loop in JAX that hands jax.grad's result to the optimizer: the real parts descend and the"
        " imaginary parts climb. jax.tree.map(jnp.conj, grads) belongs between the two.",
        differs={
            "gradient as it comes": "torch has dL/dx + i dL/dy, JAX its conjugate, dL/dx - i dL/dy",
            "loss after a step against it as it comes": "against the conjugate the imaginary parts climb; it is one"
            " number, and another on either side",
        },
    ),
]
