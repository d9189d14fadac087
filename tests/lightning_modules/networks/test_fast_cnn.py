import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_modules.networks.fast_cnn import FastCNN


@pytest.mark.parametrize("image_size_px", [9, 28, 32, 48])
def test_any_image_from_9_pixels_gives_one_logit_per_class(image_size_px: int) -> None:
    network = FastCNN(num_classes=7, in_channels=1, widths=(4, 8, 8))
    assert network(torch.randn(2, 1, image_size_px, image_size_px)).shape == (2, 7)


def test_every_parameter_but_the_whitening_patches_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=3, widths=(32, 32, 32))
    cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8) % 3).backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == ["body.0.0.weight"]


def test_the_patches_are_an_orthogonal_basis_with_both_signs() -> None:
    weight = FastCNN(num_classes=2, widths=(4, 4, 4)).state_dict()["body.0.0.weight"].flatten(start_dim=1)
    positive, negative = weight.chunk(2)
    assert torch.equal(positive, -negative)
    gram = positive @ positive.T
    assert gram.shape == (12, 12)
    assert torch.allclose(gram, gram.diag().diag(), atol=1e-4)


def test_the_patches_lift_fine_detail_to_the_size_of_flat_grey() -> None:
    grey_mean, grey_diagonal = FastCNN(num_classes=2, widths=(4, 4, 4)).state_dict()["body.0.0.weight"][[0, 3]]
    assert grey_diagonal.norm() > 10 * grey_mean.norm()


def test_overfits_one_batch() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=4, widths=(16, 32, 32))
    images, labels = torch.randn(8, 3, 16, 16), torch.arange(8) % 4
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for _ in range(20):
        gradients = torch.autograd.grad(cross_entropy(network(images), labels), trained)
        with torch.no_grad():
            for parameter, gradient in zip(trained, gradients, strict=True):
                parameter.sub_(0.5 * gradient)
    accuracy = (network(images).argmax(dim=1) == labels).float().mean()
    assert accuracy == 1.0


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=5, widths=(8, 8, 16), dropout=0.5)
    images = torch.randn(2, 3, 32, 32)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_a_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(ValueError, match=r"widths must be 3 .* got \[32, 64\]"):
        FastCNN(num_classes=10, widths=(32, 64))
