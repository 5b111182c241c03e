"""A running variance of N against N - 1: torch keeps the unbiased variance of a batch, Flax the plain one.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html ("running_var ... unbiased")
"""

from collections.abc import Mapping

import numpy as np

from compare.pair.accepted import RUNNING_VARIANCE

ACCEPT = RUNNING_VARIANCE
DIFFERS = (
    f"the port's running variance divides by N, torch's by N - 1: accept=({ACCEPT!r},) takes both for one function"
)


def unbiased(port: np.ndarray, before: np.ndarray, momentum: float, count: float, steps: int = 1) -> np.ndarray:
    """The port's running variance as it would be had every batch's variance been divided by N - 1.

    Args:
        port, before: after and before ``steps`` training steps.
        momentum: torch's, the weight of the new batch.
        count: how many values each batch's variance is taken over.
    """
    old = before.astype(port.dtype) * (1 - momentum) ** steps
    return old + (port - old) * (count / (count - 1))


def corrected(
    run: Mapping[str, np.ndarray],
    names: Mapping[str, str],
    before: Mapping[str, np.ndarray],
    variances: Mapping[str, tuple[float, float]],
    steps: int = 1,
) -> dict[str, np.ndarray]:
    """Of a port's run, the running variances as torch would keep them, by quantity.

    Args:
        run: the port's quantities; names: the buffer of each quantity that is a buffer.
        before: the buffers that entered; variances: momentum and count of each running variance.
    """
    return {
        quantity: unbiased(run[quantity], before[name], *variances[name], steps)
        for quantity, name in names.items()
        if quantity in run and name in variances and variances[name][1] > 1
    }
