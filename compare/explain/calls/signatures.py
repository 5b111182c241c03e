"""What torch says of its own functions: their arguments by name, of what kind each is, and its default.

A function written in Python says it in its signature, one written in C++ in the schemas of its overloads. Both are read
of the function that was called, so that nothing has to be written down again here.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, plain_name
from compare.frameworks.torch_insides import schemas_of

Given = dict[str, Any]  # arguments by name
REQUIRED = inspect.Parameter.empty  # the default of an argument that has none
TENSOR, NUMBER, INTEGER, INTEGERS, FLAG, WORD, OTHER = (
    "tensor",
    "number",
    "integer",
    "integers",
    "flag",
    "word",
    "other",
)

# NumPy's names, which torch takes for its own; no schema says them.
_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
_KINDS = {"number": NUMBER, "float": NUMBER, "int": INTEGER, "bool": FLAG, "str": WORD, "Tensor": TENSOR,
          "List[int]": INTEGERS}  # fmt: skip
_QUOTED, _TYPESET = r"['\"]([a-z][a-z0-9_-]*)['\"]", r"``([a-z][a-z0-9_-]*)``"
_WILD = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Generator)


@dataclass(frozen=True)
class Parameter:
    """One argument that a function takes; ``kind`` as its annotation or schema says, whatever is given.

    ``several``: a bare integer stands for as many, as a kernel's size of 3 does for (3, 3).
    """

    name: str
    kind: str
    default: Any = REQUIRED
    optional: bool = False
    keyword: bool = False
    several: bool = False


def bound(function: Function, args: tuple, kwargs: Given) -> Given:
    """The arguments of a call by name, the defaults filled in where there are any.

    The first tensor of a method is called "input". Of a function that says nothing of its arguments, what was given by
    keyword.
    """
    parameters = parameters_of(function, args, kwargs)
    given = {p.name: p.default for p in parameters if p.default is not REQUIRED}
    given |= dict(zip((p.name for p in parameters), joined(parameters, args), strict=False))
    return given | _named(parameters, kwargs)


def rebound(function: Function, args: tuple, kwargs: Given, changes: Given) -> tuple[tuple, dict]:
    """``args`` and ``kwargs`` with some arguments changed, each where it stands, or by keyword if it was not given.

    Raises:
        KeyError: the function has no such argument.
    """
    parameters = parameters_of(function, args, kwargs)
    places = {p.name: place for place, p in enumerate(parameters) if not p.keyword}
    positional, keywords = list(joined(parameters, args)), _named(parameters, kwargs)
    for name, value in changes.items():
        if name not in {p.name for p in parameters}:
            raise KeyError(f"{getattr(function, '__name__', function)} has no argument {name}")
        if places.get(name, len(positional)) < len(positional):
            positional[places[name]] = value
        else:
            keywords[name] = value
    return tuple(positional), keywords


def parameters_of(function: Function, args: tuple, kwargs: Given) -> tuple[Parameter, ...]:
    """The arguments of the overload of ``function`` that takes ``args`` and ``kwargs``; none where it says nothing."""
    overloads = _overloads(_plain(function))
    return overloads[0] if len(overloads) == 1 else next((own for own in overloads if _takes(own, args, kwargs)), ())


def argument_names(function: Function) -> set[str]:
    """The names of all arguments that any overload of ``function`` takes."""
    return {parameter.name for overload in overloads_of(function) for parameter in overload}


def overloads_of(function: Function) -> tuple[tuple[Parameter, ...], ...]:
    """The arguments of each overload of ``function``, a class's those of its maker; none where it says nothing."""
    return _overloads(_plain(function))


def words_of(function: Function, name: str) -> tuple[str, ...]:
    """The words that an argument may be, as the function's documentation quotes them; in its order, each once.

    A method's documentation mostly points to that of the function of its name, and some put words in double backticks.
    """
    plain = getattr(torch, getattr(function, "__name__", ""), None)
    texts = [getattr(each, "__doc__", None) or "" for each in (function, plain)]
    end = r"(?=^ *\w+ \([^)]*\):|^ *(?:Returns|Shape|Examples?)\b|\Z)"
    sections = [found.group() for text in texts if (found := re.search(rf"^ *{name} \(.*?{end}", text, re.M | re.S))]
    ways = [(section, quotes) for section in sections for quotes in (_QUOTED, _TYPESET)]
    for text, quotes in [*ways, (texts[0], _QUOTED)]:
        if words := re.findall(quotes, text):
            return tuple(dict.fromkeys(words))
    return ()


def standing_for(function: Function, other: Function) -> Function:
    """``other``, which is called as ``function`` is: it takes the same arguments."""
    other.__name__, other.stands_for = getattr(function, "__name__", ""), _plain(function)  # type: ignore[attr-defined]
    return other


def _plain(function: Function) -> Function:
    stands_for: Function = getattr(function, "stands_for", function)
    return stands_for


@cache
def _overloads(function: Function) -> tuple[tuple[Parameter, ...], ...]:
    name = getattr(function, "__name__", "")
    try:
        signature = _signature(function)
        if _takes_anything(signature):
            signature = inspect.signature(getattr(F, f"_{name}"))  # one of two, by a flag: max_pool2d, ...
        if not name.startswith("__") or name in ("__rsub__", "__rdiv__", "__rpow__"):
            return (tuple(_python(p) for p in signature.parameters.values()),)
    except (ValueError, TypeError, AttributeError):
        pass
    plain = plain_name(name)
    written = [schema for schema in schemas_of(plain) if not any(argument.is_out for argument in schema.arguments)]
    return tuple(tuple(_native(argument) for argument in schema.arguments) for schema in written)


def _signature(function: Function) -> inspect.Signature:
    """Of a class that hands all its arguments on, or that another class makes, that of the first maker before it that
    names them: an LSTM's are named by RNNBase."""
    signature = inspect.signature(function)
    if isinstance(function, type) and _takes_anything(signature):
        for one in function.__mro__:
            if one is not object and "__init__" in vars(one):
                maker = inspect.signature(one.__init__)  # type: ignore[misc]  # its own, read and not called
                if not _takes_anything(maker):
                    return maker.replace(parameters=list(maker.parameters.values())[1:])
    return signature


def _takes_anything(signature: inspect.Signature) -> bool:
    return any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())


def _python(one: inspect.Parameter) -> Parameter:
    said = one.annotation
    text = "" if said is one.empty else (said.__name__ if isinstance(said, type) else str(said)).lower()
    kinds = [kind for word, kind in (("list[int", INTEGERS), ("float", NUMBER), ("tensor", TENSOR), ("bool", FLAG),
                                     ("int", INTEGER), ("str", WORD)) if word in text]  # fmt: skip
    kind = kinds[0] if kinds else argument_kind(None if one.default is one.empty else one.default)
    name = "input" if one.name == "self" else one.name
    optional = "none" in text or "optional" in text or one.default is None
    return Parameter(name, kind, one.default, optional, one.kind is one.KEYWORD_ONLY)


def _native(one: Any) -> Parameter:
    text = str(one.type)
    plain = text.removeprefix("Optional[").removesuffix("]") if text.startswith("Optional[") else text
    default = one.default_value if one.has_default_value() else REQUIRED
    name = "input" if one.name == "self" else one.name
    kind = _KINDS.get(plain, OTHER)
    return Parameter(name, kind, default, plain != text, one.kwarg_only, kind == INTEGERS and one.N is not None)


def argument_kind(value: Any) -> str:
    """The kind of argument that a value is by itself."""
    if isinstance(value, list | tuple) and value and all(type(item) is int for item in value):
        return INTEGERS
    for types, kind in ((bool, FLAG), (int, INTEGER), (float, NUMBER), (str, WORD), (Described, TENSOR)):
        if isinstance(value, types):
            return kind
    return OTHER


def joined(parameters: tuple[Parameter, ...], args: tuple) -> tuple:
    """``args`` with integers that stand for one argument, as in ``x.view(2, 3)``, put together."""
    for place, p in enumerate(parameters[: len(args)]):
        rest = args[place:]
        if p.kind == INTEGERS and not p.keyword and len(rest) > 1 and all(type(item) is int for item in rest):
            following = [other for other in parameters[place + 1 :] if not other.keyword]
            if len(rest) > 1 + len(following):
                return (*args[:place], rest)
    return args


def _named(parameters: tuple[Parameter, ...], kwargs: Given) -> Given:
    own = {p.name for p in parameters}
    return {name if name in own else _ALIASES.get(name, name): value for name, value in kwargs.items()}


def _takes(parameters: tuple[Parameter, ...], args: tuple, kwargs: Given) -> bool:
    positional = [p for p in parameters if not p.keyword]
    args, kwargs = joined(parameters, args), _named(parameters, kwargs)
    if len(args) > len(positional) or not set(kwargs) <= {p.name for p in parameters}:
        return False
    placed = dict(zip((p.name for p in positional), args, strict=False))
    given = placed | kwargs
    if set(placed) & set(kwargs):
        return False
    return all(_fits(p, given[p.name]) if p.name in given else p.default is not REQUIRED for p in parameters)


def _fits(parameter: Parameter, value: Any) -> bool:
    if value is None or parameter.kind == OTHER or isinstance(value, _WILD):
        return value is not None or parameter.optional or parameter.kind == OTHER
    tensor = isinstance(value, torch.Tensor | Described)
    several = isinstance(value, list | tuple)
    return {
        TENSOR: tensor,
        NUMBER: isinstance(value, int | float) or (several and parameter.optional),
        INTEGER: isinstance(value, int) or several,
        INTEGERS: several or (parameter.several and type(value) is int),
        FLAG: isinstance(value, bool),
        WORD: isinstance(value, str),
    }[parameter.kind]
