"""How torch's compiler cuts a function in two: the joint graph of forward and backward pass, and what of it is left."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from compare.frameworks.recording.whose import is_users, ours

_FILE = re.compile(r'File "([^"]+)"')
_CALLERS = ours("pair/forward.py", "pair/fields.py")


@dataclass
class Cutting:
    """A backend of ``torch.compile`` that cuts as torch's own does, and leaves the kernels as they are.

    Attributes:
        dead, duplicate, folded, in_place, kept, again: the operations of all graphs by ATen's names: no output needs
            it; it does the same to the same as another; it depends on no input; it is a view; the others; and those of
            them that the backward graph makes a second time.
    """

    dead: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    in_place: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    def __call__(self, graph: fx.GraphModule, inputs: Sequence[torch.Tensor], **_: object) -> Callable[..., Any]:
        from torch._dynamo.backends.common import aot_autograd
        from torch._dynamo.backends.debugging import get_nop_func
        from torch._functorch import config
        from torch._inductor.compile_fx import select_decomp_table

        with config.patch(unlift_effect_tokens=True):
            cut: Callable[..., Any] = aot_autograd(
                fw_compiler=get_nop_func(),
                bw_compiler=get_nop_func(),
                decompositions=select_decomp_table,
                partition_fn=self._partition,
            )(graph, inputs)
        return cut

    def _partition(self, joint: fx.GraphModule, inputs: Any, **options: Any) -> tuple[fx.GraphModule, fx.GraphModule]:
        from torch._functorch.partitioners import min_cut_rematerialization_partition

        nodes = [node for node in joint.graph.nodes if node.op == "call_function" and _is_users(node)]
        nodes = [node for node in nodes if isinstance(node.target, torch._ops.OpOverload)]
        needed, moving = _needed(joint), _moving(joint)
        found = [(node, node.name, _name(node)) for node in nodes]
        views = {node.name for node in nodes if node.target.is_view}
        halves = min_cut_rematerialization_partition(joint, inputs, compiler="inductor", **options)
        forward, backward = ({one.name for one in half.graph.nodes if one.op == "call_function"} for half in halves)
        for node, name, operation in found:
            if node not in needed:
                self.dead.append(operation)
            elif name not in forward | backward:
                self.duplicate.append(operation)
            elif node not in moving:
                self.folded.append(operation)
            elif name in views:
                self.in_place.append(operation)
            else:
                self.kept.append(operation)
                if name in forward & backward:
                    self.again.append(operation)
        return halves


def _name(node: fx.Node) -> str:
    kernel: Any = node.target
    return str(kernel.overloadpacket.__name__)


def _is_users(node: fx.Node) -> bool:
    """Whether the model's code, or the pair's, asked for an operation: the innermost line that it is traced to."""
    files = _FILE.findall(node.meta.get("stack_trace") or "")
    return not files or is_users(files[-1], _CALLERS)


def _needed(graph: fx.GraphModule) -> set[fx.Node]:
    found = set[fx.Node]()
    for node in reversed(graph.graph.nodes):
        if node.op == "output" or node in found or node.is_impure():
            found.add(node)
            found.update(node.all_input_nodes)
    return found


def _moving(graph: fx.GraphModule) -> set[fx.Node]:
    found = set[fx.Node]()
    for node in graph.graph.nodes:
        if node.op == "placeholder" or not found.isdisjoint(node.all_input_nodes):
            found.add(node)
    return found
