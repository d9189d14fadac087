"""Small changes of a network's inputs that raise its loss most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

SMALLEST_NORM = 1e-12
Loss = Callable[[Tensor], Tensor]  # outputs (B, …) → ()


def attack_images(
    network: nn.Module,
    images: Tensor,
    loss: Loss,
    epsilon_px: float,
    step_px: float,
    steps: int,
    from_random: bool,
) -> Tensor:
    """Projected gradient ascent on the loss, by signs (Madry et al. 2018).

    One step of ``epsilon_px``, not from a random start, is FGSM (Goodfellow et al. 2015). The network is left as it
    was: no gradients, no other BatchNorm statistics.

    Args:
        images: uint8 or float (B, C, H, W) in 0…255.
        loss: what is to rise, from the network's outputs.
        epsilon_px: how far a pixel may go, in the images' units.
        from_random: begin at a random place within that distance instead of the image itself.

    Returns:
        float32 (B, C, H, W) in 0…255.
    """
    clean = images.float()
    low, high = (clean - epsilon_px).clamp(min=0), (clean + epsilon_px).clamp(max=255)
    attacked = low + (high - low) * torch.rand_like(clean) if from_random else clean
    with undisturbed(network), torch.enable_grad():
        for _ in range(steps):
            attacked = attacked.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(network(attacked).float()), attacked)
            attacked = torch.minimum(torch.maximum(attacked.detach() + step_px * gradient.sign(), low), high)
    return attacked


def attack_embeddings(network: nn.Module, inputs: tuple[Tensor, ...], loss: Loss, share: float) -> Tensor:
    """Outputs (B, …) where the token vectors of each text went along the loss's gradient (Miyato et al. 2017).

    A token's vector moves once, whatever reads it; padding neither moves nor counts.

    The paper normalises the vectors, so that a network cannot outgrow a perturbation of fixed length; here its length
    is relative to theirs.

    Args:
        inputs: token ids (B, T) and their mask (B, T), 1 on real tokens.
        loss: what is to rise, from the network's outputs.
        share: L2 norm of a text's perturbation over that of its token vectors.
    """
    embedding = first_embedding(network)
    assert embedding is not None
    vectors: list[Tensor] = []

    def take(_: nn.Module, __: object, output: Tensor) -> Tensor:
        vectors.append(output.detach().requires_grad_())
        return vectors[-1]

    with undisturbed(network), _hooked(embedding, take):
        risen = loss(network(*inputs).float())
    (gradient,) = torch.autograd.grad(risen, vectors)
    real = inputs[1][:, :, None].to(gradient.dtype)
    gradient = gradient * real
    length = share * _norm_per_text(vectors[0].detach() * real)
    perturbation = gradient * (length / _norm_per_text(gradient).clamp(min=SMALLEST_NORM))
    with _hooked(embedding, lambda _, __, output: output + perturbation):
        outputs: Tensor = network(*inputs).float()
    return outputs


def first_embedding(network: nn.Module) -> nn.Embedding | None:
    """The table of token vectors, which BERT's own defines before those of positions; None in a network of images."""
    return next((module for module in network.modules() if isinstance(module, nn.Embedding)), None)


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while: BatchNorm keeps its statistics, dropout does not hide the gradient's direction.

    Recurrent layers stay as they are: cuDNN has no backward for them in evaluation mode.
    """
    modes = {module: module.training for module in network.modules()}
    try:
        for module, training in modes.items():
            module.training = training and isinstance(module, nn.RNNBase)
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _hooked(module: nn.Module, hook: Callable[..., Tensor]) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _norm_per_text(vectors: Tensor) -> Tensor:
    """(B, 1, 1) from (B, T, E)."""
    return vectors.norm(dim=(1, 2), keepdim=True)
