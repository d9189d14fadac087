import torch

from lightning_modules.mnist_cnn import MnistCNN


def test_takes_grey_bytes_and_gives_logits_of_every_class() -> None:
    model = MnistCNN(class_names=["a", "b", "c"], widths=(4, 8, 8, 16))
    logits = model(torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8))
    assert logits.shape == (5, 3)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_convolutions_are_channels_last() -> None:
    weights = [p for p in MnistCNN(class_names=["a", "b"]).parameters() if p.ndim == 4 and p.shape[1] > 1]
    assert len(weights) == 3
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
