"""The rows of the capability table. A row is one function of the same name on each side; where the plain way raises,
``NAME_otherwise`` is the other code. What becomes of a row is found by running it: nothing is said of it here."""

from dataclasses import dataclass
from typing import Literal

from compare.errors import UsageError, did_you_mean, nearest

Kind = Literal["parameters", "several", "arrays"]


@dataclass(frozen=True)
class Way:
    """One row.

    Attributes:
        kind: what it returns: one array for each parameter, several of these stacked, or arrays that both sides lay out
            alike.
        on_pair: it is run on the pair that is contrasted; else on vectors of its own.
    """

    name: str
    title: str
    kind: Kind = "arrays"
    on_pair: bool = False


def _on_pair(name: str, title: str, kind: Kind = "parameters") -> Way:
    return Way(name, title, kind, on_pair=True)


WAYS: tuple[Way, ...] = (
    _on_pair("value_and_gradient", "value and gradient"),
    _on_pair("accumulation", "gradients of two batches added"),
    _on_pair("backward_twice", "two backward passes from one forward pass"),
    _on_pair("gradient_of_a_gradient", "gradient of a gradient's squared norm"),
    _on_pair("forward_mode", "forward mode", "arrays"),
    _on_pair("hessian_vector_product", "Hessian-vector product"),
    _on_pair("jacobian", "Jacobian of the first row's outputs by its input", "arrays"),
    _on_pair("per_sample_gradients", "gradients row by row", "several"),
    _on_pair("by_the_inputs", "gradient by the inputs", "arrays"),
    _on_pair("part_of_the_parameters", "gradient by one parameter alone"),
    _on_pair("stop_in_the_middle", "a gradient stopped at the outputs"),
    _on_pair("checkpointing", "activations made again"),
    _on_pair("under_compilation", "the gradient compiled"),
    _on_pair("vectorised", "gradients at three points at once", "several"),
    Way("data_dependent_branch", "a branch that depends on a value, compiled"),
    Way("loop_of_unknown_length", "backward through a loop of unknown length"),
    Way("in_place_mutation", "an entry written in place"),
    Way("overwriting_what_is_kept", "overwriting what the backward pass needs"),
    Way("custom_derivative", "a derivative of one's own"),
    Way("twice_through_a_custom_rule", "second derivative through a rule of one's own"),
    Way("forward_through_a_custom_rule", "forward mode through a backward rule of one's own"),
    Way("implicit_function", "through a solver, by the implicit function theorem"),
    Way("of_a_vector", "gradient of what is no single number"),
    Way("by_integers", "gradient by integers"),
    Way("numpy_inside", "NumPy inside the function"),
    Way("two_devices", "a function over two devices"),
    Way("third_derivative", "third derivative"),
)


def check_way(name: str) -> None:
    """Refuse a name that is no row's.

    Raises:
        UsageError: there is no such row.
    """
    names = [way.name for way in WAYS]
    if name not in names:
        raise UsageError(
            f"unknown row {name!r}{did_you_mean(nearest(name, names), 'expected one of ' + ', '.join(names))}"
        )
