"""A multi-layer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MLP(nn.Module):
    """Fully connected ReLU layers over flattened inputs (Rumelhart, Hinton & Williams 1986; ReLU: Glorot et al. 2011).

    Args:
        in_features: values per example, C·H·W for images.
        hidden_features: width of each hidden layer; empty for a linear classifier.
        dropout: probability in [0, 1) after each hidden layer.
    """

    def __init__(
        self,
        in_features: int = 784,
        hidden_features: Sequence[int] = (256, 128),
        num_classes: int = 10,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(hidden_features, default=1) < 1:
            raise ValueError(f"hidden_features={list(hidden_features)} must be at least 1 each")
        widths = (in_features, *hidden_features)
        layers = [
            nn.Sequential(nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(dropout))
            for fan_in, fan_out in pairwise(widths)
        ]
        self.body = nn.Sequential(nn.Flatten(), *layers)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, num_classes) from inputs (B, ...) that hold `in_features` values each."""
        return self.head(self.body(inputs))
