"""What ATen's schema says of an operation that was called: its arguments by name, and what its result is."""

from collections.abc import Mapping, Sequence

import torch

from compare.frameworks.torch_insides import Kernel, schema_of
from compare.weights.mapping.operation import NEW, PARTS, VIEW


def named_arguments(overload: Kernel, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Every argument that the schema lists, in its order: as given, or else its default."""
    arguments = schema_of(overload).arguments
    positional = [argument.name for argument in arguments if not argument.kwarg_only]
    given = dict(zip(positional, args, strict=False)) | dict(kwargs)
    return {each.name: given.get(each.name, each.default_value) for each in arguments}


def result_of(overload: Kernel) -> str:
    """VIEW where the result shares the memory of the first argument and leaves it as it is, or only sees it otherwise.

    PARTS where it is a list made of the first argument, which is one tensor; NEW of all others.
    """
    schema = schema_of(overload)
    first = schema.arguments[0] if schema.arguments else None
    if first is None or str(first.type) != "Tensor" or not schema.returns:
        return NEW
    if str(schema.returns[0].type) == "List[Tensor]":
        return PARTS
    shared = first.alias_info is not None and not first.alias_info.is_write
    return VIEW if shared or torch.Tag.inplace_view in overload.tags else NEW
