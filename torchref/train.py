"""Training the reference: the five beats, evaluation, and the loop over epochs around them.

python -m torchref.train
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from torchref.digits import Images, Labels, load_digits
from torchref.losses import cross_entropy
from torchref.mlp import MLP
from torchref.optimizers import sgd


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Images, labels: Labels) -> Float[Tensor, ""]:
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
def evaluate(model: nn.Module, images: Images, labels: Labels) -> Float[Tensor, ""]:
    """The share of ``images`` whose largest logit is the label, between 0 and 1, in eval mode and without a tape."""
    training = model.training
    model.eval()
    hits = model(images).argmax(dim=1) == labels
    model.train(training)
    return hits.double().mean()


def fit(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Images, labels: Labels, epochs: int, batch: int = 64
) -> Iterator[Float[Tensor, ""]]:
    """Train in place, each epoch in a new order drawn from torch's global generator; yield each one's mean loss."""
    for _ in range(epochs):
        order = torch.randperm(len(images))
        losses = [train_step(model, optimizer, images[rows], labels[rows]) for rows in order.split(batch)]
        yield torch.stack(losses).mean()


def digits(epochs: int = 3) -> Iterator[tuple[Float[Tensor, ""], Float[Tensor, ""]]]:
    """Train on MNIST digits; yield each epoch's mean loss, and the share of the test images that is right after it."""
    torch.manual_seed(0)
    model = MLP()
    optimizer = sgd(model.parameters())
    train, test = load_digits()
    for loss in fit(model, optimizer, *train, epochs):
        yield loss, evaluate(model, *test)


def main() -> None:
    """Three epochs, told as they end."""
    for epoch, (loss, share) in enumerate(digits(), start=1):
        print(f"epoch {epoch}: loss {loss:.3f}, {share:.1%} of the test images right")


if __name__ == "__main__":
    main()
