"""torch's side of a row: an expression run in float64, its modules' weights moved away from 0 and 1."""

import ast
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from compare.arrays.arrays import Arrays
from compare.errors import in_one_line, swallowed
from compare.explain.differences.outcome import Outcome
from compare.explain.differences.row_inputs import Given, generator, redrawn_state
from compare.frameworks.names_in_code import REFERENCE_MODULES

SEED = 0
SAID = 160  # of what an error says


class ReferenceCode:
    """An expression, with the module that it makes, if it does: made once, and called from the same state each time.

    Attributes:
        state: the module's parameters and buffers under Python names ("weight", "layers_0_bias"), as NumPy.
        trained: the names of those that are parameters.
    """

    def __init__(self, code: str, inputs: Arrays) -> None:
        self._made: list[torch.nn.Module] = []
        tree = ast.parse(code.strip(), mode="eval")
        with in_float64():
            self._code = compile(ast.fix_missing_locations(_Modules(self._made).visit(tree)), code, "eval")
            if self._made:
                with torch.no_grad(), _ignoring_errors():
                    self._evaluate({name: torch.from_numpy(x) for name, x in inputs.items()})  # a lazy one takes shape
        self._saved: dict[str, torch.Tensor] = {}
        for module in self._made:
            own = {name: x.detach().numpy() for name, x in module.state_dict().items()}
            self._saved |= {name: torch.from_numpy(x.copy()) for name, x in redrawn_state(own).items()}
        self.state: Arrays = {python_name(name): x.numpy() for name, x in self._saved.items()}
        self.trained = [python_name(name) for module in self._made for name, _ in module.named_parameters()]

    def run(self, inputs: Given) -> Outcome:
        """What comes of ``inputs``, with the gradients of what moves and of the parameters."""
        given = {name: torch.from_numpy(x.copy()) for name, x in inputs.arrays.items()}
        leaves = {name: given[name].requires_grad_() for name in inputs.moving}
        with in_float64():
            try:
                for module in self._made:
                    module.load_state_dict(self._saved)
                    leaves |= {python_name(name): one for name, one in module.named_parameters()}
                outputs = _flat(self._evaluate(given))
                gradients = _gradients(outputs, leaves)
            except Exception as error:
                swallowed(error)
                return Outcome(raised=in_one_line(error, SAID))
        return Outcome(tuple(x.detach().numpy().copy() for x in outputs), gradients)

    def sample(self) -> np.ndarray:
        """What an expression without inputs draws."""
        with in_float64(), torch.no_grad():
            return np.concatenate([x.numpy().reshape(-1) for x in _flat(self._evaluate({}))])

    def _evaluate(self, given: dict[str, torch.Tensor]) -> Any:
        torch.manual_seed(SEED)
        return eval(self._code, {**REFERENCE_MODULES, **given, **{_name(i): m for i, m in enumerate(self._made)}})


class _Modules(ast.NodeTransformer):
    """Puts a name in the place of each call that makes a module, and makes it."""

    def __init__(self, made: list[torch.nn.Module]) -> None:
        self.made = made

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func).startswith("nn."):
            torch.manual_seed(SEED)
            one = eval(ast.unparse(node), dict(REFERENCE_MODULES))
            if isinstance(one, torch.nn.Module):
                self.made.append(one)
                return ast.Name(_name(len(self.made) - 1), ast.Load())
        return self.generic_visit(node)


def python_name(name: str) -> str:
    """How expressions call a module's parameter: ``out_proj.weight`` is ``out_proj_weight``, ``0.bias``
    ``layer_0_bias``."""
    plain = name.replace(".", "_")
    return f"layer_{plain}" if plain[0].isdigit() else plain


def _name(place: int) -> str:
    return f"_module_{place}"


def _flat(made: Any) -> list[torch.Tensor]:
    if isinstance(made, torch.Tensor):
        return [made]
    if isinstance(made, tuple | list):
        return [x for part in made for x in _flat(part)]
    return [torch.as_tensor(made)]


def _gradients(outputs: list[torch.Tensor], leaves: dict[str, torch.Tensor]) -> Arrays:
    """Of all floating outputs at once, each with its own cotangent."""
    used = [(place, x) for place, x in enumerate(outputs) if x.requires_grad]
    if not used or not leaves:
        return {name: np.zeros(x.shape) for name, x in leaves.items()}
    along = [torch.from_numpy(cotangent(place, tuple(x.shape))) for place, x in used]
    found = torch.autograd.grad([x for _, x in used], list(leaves.values()), along, allow_unused=True)
    return {
        name: np.zeros(x.shape) if slope is None else slope.to_dense().numpy()
        for (name, x), slope in zip(leaves.items(), found, strict=True)
    }


def cotangent(place: int, shape: tuple[int, ...]) -> np.ndarray:
    """What the gradient of an output is taken along, the same on both sides."""
    return np.asarray(generator(f"cotangent {place}").standard_normal(shape))


@contextmanager
def in_float64() -> Iterator[None]:
    """torch's default type is float64 within it, and its warnings are not heard."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _ignoring_errors() -> Iterator[None]:
    """What raises now raises again when it is run, and is said then."""
    try:
        yield
    except Exception as error:
        swallowed(error)
