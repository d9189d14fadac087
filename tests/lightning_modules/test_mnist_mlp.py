import torch

from lightning_modules.mnist_mlp import MnistMLP


def test_takes_grey_bytes_of_any_declared_size_and_gives_logits_of_every_class() -> None:
    model = MnistMLP(class_names=["a", "b", "c"], image_size_px=20, hidden_features=(8,))
    assert model(torch.randint(0, 256, (5, 1, 20, 20), dtype=torch.uint8)).shape == (5, 3)


def test_default_is_the_tutorials_perceptron() -> None:
    model = MnistMLP(class_names=[str(n) for n in range(10)])
    assert sum(p.numel() for p in model.parameters()) == 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10
    assert model.hparams["class_names"] == [str(n) for n in range(10)]
