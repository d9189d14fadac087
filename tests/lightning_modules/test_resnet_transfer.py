import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_modules.resnet_transfer import ResNetTransfer
from tests.tiny_inputs import Images
from tests.tiny_task import tiny_trainer


class RandomImages(LightningDataModule):
    def train_dataloader(self) -> DataLoader[Images]:
        images = torch.randint(0, 256, (2, 8, 3, 32, 32), dtype=torch.uint8)
        batches = [Images(part, torch.arange(8) % 2, torch.arange(8)) for part in images]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]  # a list does as a data set

    val_dataloader = train_dataloader


def trained(freeze_backbone: bool) -> tuple[dict[str, Tensor], dict[str, Tensor], ResNetTransfer]:
    model = ResNetTransfer(weights=None, freeze_backbone=freeze_backbone, lr=0.1, class_names=["a", "b"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tiny_trainer(max_epochs=2, num_sanity_val_steps=0).fit(model, RandomImages())
    return before, model.state_dict(), model


def test_a_frozen_backbone_keeps_weights_and_statistics_and_leaves_the_optimizer() -> None:
    before, after, model = trained(freeze_backbone=True)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"network.head.weight", "network.head.bias"}
    optimizer = model.optimizers(use_pl_optimizer=False)
    groups = optimizer.param_groups  # type: ignore[union-attr]
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in model.network.head.parameters()}


def test_otherwise_everything_is_fine_tuned() -> None:
    before, after, _ = trained(freeze_backbone=False)
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    assert unchanged == {"network.backbone.0.scale", "network.backbone.0.shift"}


def test_frozen_or_not_the_checkpoint_has_the_same_tensors_once() -> None:
    frozen, free = (ResNetTransfer(weights=None, freeze_backbone=f, class_names=["a", "b"]) for f in (True, False))
    assert frozen.state_dict().keys() == free.state_dict().keys()


def test_a_rebuilt_model_asks_for_no_weights() -> None:
    model = ResNetTransfer(weights=None, class_names=["a", "b"])
    assert model.restored_hyper_parameters() == {"weights": None}
