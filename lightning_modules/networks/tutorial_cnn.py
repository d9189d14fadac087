"""A wide relative of the two-convolution network of PyTorch's CIFAR-10 tutorial."""

from torch import Tensor, nn

IMAGE_SIZE_PX = 32


class TutorialCNN(nn.Module):
    """conv 64, pool, conv 128, pool, fully connected 1024, logits. The dense layer fixes the size to 32×32.

    The layout is that of https://pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.html, the widths are not: this
    network has 8,475,530 weights for ten classes, the tutorial's 62,006.
    """

    def __init__(self, num_classes: int, in_channels: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128 * (IMAGE_SIZE_PX // 4) ** 2, 1024),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(1024, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, num_classes) from images (B, in_channels, 32, 32). Raises ValueError for another size."""
        if image.shape[-2:] != (IMAGE_SIZE_PX, IMAGE_SIZE_PX):
            size = "×".join(map(str, image.shape[-2:]))
            raise ValueError(f"The tutorial CNN takes 32×32 images, got {size}: resize them, or use the fast CNN.")
        return self.head(self.body(image))
