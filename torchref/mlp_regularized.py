"""The multilayer perceptron with batch norm and dropout: the two layers that act otherwise in training."""

from jaxtyping import Float
from torch import Tensor, nn


class RegularizedMLP(nn.Module):
    """Images ``(batch, 1, 28, 28)`` in, raw logits ``(batch, n_classes)`` out.

    ``train()`` and ``eval()`` set the mode; a new module is in training mode.

    Args:
        rate: the share of hidden units that dropout sets to zero in training.
    """

    def __init__(self, in_dim: int = 784, hidden: int = 128, n_classes: int = 10, rate: float = 0.5) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),  # to (batch, 784)
            nn.Linear(in_dim, hidden),
            nn.BatchNorm1d(hidden),  # running statistics move by 0.1 of the way to the batch's
            nn.ReLU(),
            nn.Dropout(rate),
            nn.Linear(hidden, n_classes),
        )

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        return self.net(images)
