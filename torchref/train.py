"""Training and evaluation of the reference: the five beats."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from torchref.losses import cross_entropy


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Float[Tensor, "batch channels height width"],
    labels: Int[Tensor, "batch"],
) -> Float[Tensor, ""]:
    """One step on one batch: ``model`` and ``optimizer`` are changed in place.

    Returns:
        The loss before the step, detached from the tape.
    """
    optimizer.zero_grad()  # backward() adds to .grad: without this, every past gradient stays in the sum
    logits = model(images)
    loss = cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def evaluate(
    model: nn.Module, images: Float[Tensor, "batch channels height width"], labels: Int[Tensor, "batch"]
) -> Float[Tensor, ""]:
    """The share of ``images`` whose largest logit is the label, between 0 and 1, in eval mode and without a tape."""
    training = model.training
    model.eval()
    hits = model(images).argmax(dim=1) == labels
    model.train(training)
    return hits.double().mean()
