"""What is to be known where one side has torch's spectral norm and the other Flax's: they step in another order."""

from typing import TYPE_CHECKING

from compare.frameworks.models.choose import kind_of_port

if TYPE_CHECKING:
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.references import Reference

FLAX = (
    "Flax's SpectralNorm takes a power iteration from the u that it keeps (v of u, then u of v) at every call, in "
    "evaluation too, and keeps u in training alone"
)
OLD = (
    "torch.nn.utils.spectral_norm takes the same one in training alone: with epsilon=0 (torch's is the least length, "
    "Flax's stands under a root) both are one function in training, and in evaluation none but at convergence"
)
NEW = (
    "torch.nn.utils.parametrizations.spectral_norm makes u of v and then v of u, in training alone: half an iteration "
    "apart, so that the two agree at convergence alone. Equinox's SpectralNorm does as torch does"
)


def said_of_spectral_norm(reference: "Reference", port: "PortModel") -> list[str]:
    """A notice where both sides have one and they are no twins."""
    module = getattr(reference, "module", None)
    flax = any(
        (kind := kind_of_port(layer)) is not None and kind.library_class(layer) == "SpectralNorm"
        and type(layer).__module__.startswith("flax.")
        for layer in port.modules.values()
    )  # fmt: skip
    if module is None or not flax:  # a recorded reference is judged without torch
        return []
    from torch.nn.utils.parametrizations import _SpectralNorm
    from torch.nn.utils.spectral_norm import SpectralNorm

    if any(isinstance(layer, _SpectralNorm) for layer in module.modules()):
        return [f"{FLAX}; {NEW}"]
    hooks = [hook for layer in module.modules() for hook in layer._forward_pre_hooks.values()]
    return [f"{FLAX}; {OLD}"] if any(isinstance(hook, SpectralNorm) for hook in hooks) else []
