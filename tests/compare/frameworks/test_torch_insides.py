"""What torch tells of itself through no promised interface: here a version that no longer does is noticed."""

from collections import OrderedDict, deque, namedtuple

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from compare.frameworks.torch_insides import (
    definition_of,
    functions_not_intercepted,
    in_backward,
    leaves_of,
    saved_alpha,
    schema_of,
    schemas_of,
    written_by,
)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_backward_pass_knows_itself(reentrant):
    """In a hook, and in the forward pass that a checkpoint runs again; neither before nor after."""
    asked = []

    def square(x):
        asked.append(in_backward())
        return x * x

    x = torch.ones(2, requires_grad=True)
    y = checkpoint(square, x, use_reentrant=reentrant)
    y.register_hook(lambda cotangent: asked.append(in_backward()))
    y.sum().backward()
    assert sorted(asked) == [False, True, True]
    assert asked[0] is in_backward() is False


def test_a_native_function_has_the_schemas_of_its_overloads():
    """Arguments by name, with type, default and whether by keyword alone."""
    schemas = schemas_of("add")
    assert len(schemas) > 1
    (tensors,) = [schema for schema in schemas if schema.overload_name == "Tensor"]
    assert [(each.name, str(each.type), each.kwarg_only) for each in tensors.arguments] == [
        ("self", "Tensor", False),
        ("other", "Tensor", False),
        ("alpha", "number", True),
    ]
    assert tensors.arguments[2].has_default_value()
    assert tensors.arguments[2].default_value == 1
    (kernel,) = schemas_of("avg_pool2d")[:1]
    assert next(each for each in kernel.arguments if each.name == "kernel_size").N == 2  # 3 stands for (3, 3)


@pytest.mark.parametrize("name", ["", "no_such_function"])
def test_what_is_no_native_function_has_none(name):
    assert schemas_of(name) == []


def test_without_that_interface_there_are_none(monkeypatch):
    monkeypatch.delattr(torch._C, "_jit_get_schemas_for_operator")
    assert schemas_of("add") == []


def test_an_overload_has_its_own():
    """With what it returns, and which argument's memory that is."""
    schema = schema_of(torch.ops.aten.transpose.int)
    assert [each.name for each in schema.arguments] == ["self", "dim0", "dim1"]
    assert not schema.arguments[0].alias_info.is_write
    assert [str(each.type) for each in schema.returns] == ["Tensor"]
    assert schema_of(torch.ops.aten.add_.Tensor).arguments[0].alias_info.is_write


def test_what_an_operation_writes_into():
    """By position and by name."""
    assert written_by(torch.ops.aten.add_.Tensor) == {0, "self"}
    assert written_by(torch.ops.aten.add.out) == {3, "out"}
    assert written_by(torch.ops.aten.add.Tensor) == set()


def test_torch_defines_its_operations_a_second_time():
    """The same function; none of what is no operation of its own."""
    x = torch.linspace(-4, 4, 9)
    define = definition_of(torch.ops.aten.hardswish.default)
    torch.testing.assert_close(define(x), torch.nn.functional.hardswish(x))
    assert definition_of(torch.ops.aten.mm.default) is None


def test_no_mode_is_asked_where_functions_are_not_intercepted():
    """And asked again afterwards."""
    asked = []

    class Mode(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            asked.append(func)
            return func(*args, **(kwargs or {}))

    with Mode():
        with functions_not_intercepted():
            torch.add(1, 2)
        assert asked == []
        torch.add(1, 2)
    assert asked == [torch.add]


def test_the_alpha_of_a_derivative_is_kept_unrounded():
    """None where nothing is differentiated, or has no alpha; under vmap it is that of the whole."""
    celu, x = torch.nn.functional.celu, torch.ones(3, requires_grad=True)
    assert saved_alpha(celu(x, 0.3)) == 0.3
    assert saved_alpha(celu(x.detach(), 0.3)) is saved_alpha(x.exp()) is saved_alpha(None) is None
    kept = []
    torch.vmap(lambda one: (kept.append(saved_alpha(made := celu(one, 0.3))), made)[1])(x)
    assert kept == [0.3]


Pair = namedtuple("Pair", "first second")
X = torch.arange(3.0)
NESTS = {
    "arguments": ((X, 1, None, [X, 2.5]), {"dtype": torch.float32, "sizes": (1, 2)}),
    "no nest": X,
    "nothing": ((), {}),
    "a named tuple": (Pair(X, Pair(1, 2)), [Pair(3, X)]),
    "what a function of torch returns": torch.ones(2, 2).max(0),
    "a size": (X.shape, [X.shape]),
    "dictionaries": OrderedDict(b=X, a={"z": 1, "y": deque([2, (3, X)])}),
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
def test_the_leaves_are_those_of_torchs_own_trees(nest):
    """The same objects in the same order, whatever holds them."""
    assert [id(leaf) for leaf in leaves_of(nest)] == [id(leaf) for leaf in tree_leaves(nest)]
