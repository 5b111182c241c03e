"""The multilayer perceptron: flatten, linear, ReLU, linear. With the default sizes, 101,770 parameters."""

from torch import nn


class MLP(nn.Module):
    """Images ``(batch, 1, 28, 28)`` in, raw logits ``(batch, n_classes)`` out.

    There is no softmax: the cross-entropy of ``torchref.losses`` takes logits.
    """

    def __init__(self, in_dim=784, hidden=128, n_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),  # to (batch, 784)
            nn.Linear(in_dim, hidden),  # weight (128, 784)
            nn.ReLU(),
            nn.Linear(hidden, n_classes),  # weight (10, 128)
        )

    def forward(self, images):
        return self.net(images)
