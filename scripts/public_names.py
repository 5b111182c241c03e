"""What ``compare`` makes public, read from its sources: signatures, docstrings, the errors that are raised.

Nothing is imported, so that the answer is the same under every Python and with every version of a library.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source")
FIELDS = ("Args", "Attributes")
Definition = ast.ClassDef | ast.FunctionDef


@dataclass
class Docstring:
    """The text before the sections, and each section's entries by name."""

    text: str
    entries: dict[str, dict[str, str]] = field(default_factory=dict)

    def fields(self) -> dict[str, str]:
        """What is said of parameters and attributes; several names of one entry apart."""
        both = {names: text for section in FIELDS for names, text in self.entries.get(section, {}).items()}
        return {name.lstrip("*"): text for names, text in both.items() for name in names.split(", ")}


@dataclass
class Public:
    """One public name: where it is defined, and as what."""

    name: str
    node: Definition
    module: str

    @property
    def docstring(self) -> Docstring:
        return parsed(ast.get_docstring(self.node) or "")

    @property
    def is_property(self) -> bool:
        return any(
            ast.unparse(mark).split(".")[-1] in ("property", "cached_property") for mark in self.node.decorator_list
        )

    def in_its_class(self, names: Mapping[str, "Public"]) -> bool:
        """Whether it is a property of which its class's docstring says what it is."""
        return self.is_property and self.node.name in names[self.name.split(".")[0]].docstring.fields()

    def parameters(self) -> list[str]:
        """Those of a function, those of a class's ``__init__`` or a dataclass's fields."""
        if isinstance(self.node, ast.ClassDef):
            fields = [node.target.id for node in _fields(self.node)]
            initializer = method(self.node, "__init__")
            return fields or (_names(initializer.args) if initializer else [])
        return [] if self.is_property else _names(self.node.args)

    def signature(self) -> str:
        """As it is written in the source, without ``self``."""
        if isinstance(self.node, ast.FunctionDef):
            return self.name if self.is_property else f"{self.name}{_signature(self.node)}"
        if fields := _fields(self.node):
            lines = (f"    {ast.unparse(node).replace('field(default_factory=dict)', '{}')},\n" for node in fields)
            return f"{self.name}(\n{''.join(lines)})"
        initializer = method(self.node, "__init__")
        return f"{self.name}{_signature(initializer, answer=False) if initializer else '()'}"


@cache
def module_tree(module: str) -> ast.Module:
    """The parsed source of a module of this repository."""
    path = ROOT / Path(*module.split("."))
    return ast.parse((path.with_suffix(".py") if not path.is_dir() else path / "__init__.py").read_text())


def public() -> list[Public]:
    """Every name of ``compare.__all__``, each class followed by its own public methods and properties."""
    assigned = {
        ast.unparse(node.targets[0]): node.value for node in module_tree("compare").body if isinstance(node, ast.Assign)
    }
    homes, names = (ast.literal_eval(assigned[name]) for name in ("_HOME", "__all__"))
    listed: list[Public] = []
    for name in names:
        defined = {n.name: n for n in module_tree(homes[name]).body if isinstance(n, Definition)}
        if (node := defined.get(name)) is None:
            raise ValueError(f"{name}: compare/__init__.py looks for it in {homes[name]}, which does not define it")
        listed.append(Public(name, node, homes[name]))
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else []
        listed += [Public(f"{name}.{n.name}", n, homes[name]) for n in methods if not n.name.startswith("_")]
    return listed


def parsed(text: str) -> Docstring:
    """A docstring in the house's style: sections with entries ``name, other: text``."""
    head, *rest = re.split(rf"^({'|'.join(SECTIONS)}):[ \n]?", text, flags=re.MULTILINE)
    entries: dict[str, dict[str, str]] = {}
    for section, body in zip(rest[::2], rest[1::2], strict=True):
        named = re.findall(r"^    ([\w*, ]+): (.*(?:\n(?: {8,}.*| *$))*)", body, re.MULTILINE)
        entries[section] = {name: " ".join(entry.split()) for name, entry in named}
        if not named:
            entries[section][""] = " ".join(body.split())
    return Docstring(head.strip(), entries)


def module_of(word: str) -> str | None:
    """The module of a dotted name, if the name is there: a module, or what one defines."""
    for module, _, rest in ((word, "", ""), word.rpartition(".")):
        if (ROOT / Path(*module.split("."))).with_suffix(".py").exists():
            tree = module_tree(module)
            defined = {node.name for node in ast.walk(tree) if isinstance(node, Definition | ast.alias)}
            return module if not rest or rest in defined else None
    return None


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    return [n for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]


def method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def _names(arguments: ast.arguments) -> list[str]:
    every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    return [argument.arg for argument in every if argument and argument.arg not in ("self", "cls")]


def _signature(node: ast.FunctionDef, answer: bool = True) -> str:
    written = re.sub(r"^(self|cls)(, |$)", "", ast.unparse(node.args))
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and answer else ""
    return f"({written}){returns}"
