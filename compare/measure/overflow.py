"""A step that one side alone skips, because a gradient of its scaled loss overflowed: rounding's doing, or a fault.

In which order a gradient's rows are added is each side's own, and at which precision: a partial sum may overflow on one
side alone. What any order could meet is known in float64: no partial sum is larger than the sum of all rows' absolute
values, and none that overflows is avoided where the whole sum does.
"""

import copy

import numpy as np
import torch

from compare.arrays.arrays import Arrays
from compare.measure.trainees import ReferenceTrainee
from compare.verdict.thresholds import AT_EDGE
from compare.verdict.verdict import Judgement, Verdict
from torchref.losses import cross_entropy

LARGEST = float(np.finfo(np.float16).max)


def gradient_sums(
    trainee: ReferenceTrainee, weights: Arrays, images: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Of all entries of the gradient at these weights the largest, and the largest sum of its rows' absolute values.

    Args:
        trainee: whose model it is of; it stays as it is.
    """
    model = copy.deepcopy(trainee.model).double()
    model.load_state_dict({name: torch.from_numpy(np.array(one, np.float64)) for name, one in weights.items()})
    own = list(model.parameters())
    rows = zip(*(torch.from_numpy(np.array(one)).to(trainee.device).split(1) for one in (images, labels)), strict=True)
    whole, absolute = ([torch.zeros_like(one) for one in own] for _ in range(2))
    for image, label in rows:
        gradients = torch.autograd.grad(cross_entropy(model(image.double()), label.long()) / len(labels), own)
        for at, one in enumerate(gradients):
            whole[at] += one
            absolute[at] += one.abs()
    return max(float(one.abs().max()) for one in whole), max(float(one.max()) for one in absolute)


def judge_skip(skips: bool, scale: float, sums: tuple[float, float]) -> Judgement:
    """The port's skip, or its step, where the reference did otherwise.

    Args:
        skips: whether the port did.
        scale: of the port's loss.
        sums: what ``gradient_sums`` found, at the port's weights.
    """
    least, most = (scale * one / LARGEST for one in sums)
    if skips and most < 1 / AT_EDGE:
        reason = f"the port skips the step, and no sum of its gradients can come to more than {most:.2g} times"
    elif not skips and least > AT_EDGE:
        reason = f"the port takes the step, and its gradient is {least:.2g} times"
    else:
        return Judgement(Verdict.MATCH)
    return Judgement(Verdict.MISMATCH, reason=f"{reason} float16's largest number, at a scale of {scale:.6g}")
