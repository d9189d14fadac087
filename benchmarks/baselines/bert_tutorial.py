"""BERT fine-tuning as the tutorials do it: every review padded to 512 tokens, Adam, batch 16, fp32."""

from __future__ import annotations

from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.baselines.recording import Recording, first
from benchmarks.baselines.tutorial_loop import accuracy, train
from datamodules.review_wordpieces import ReviewWordPieces
from lightning_modules.networks.encoders import minilm_folder

LENGTH = 512


class Logits(nn.Module):
    """The transformers model behind the interface of the tutorial loop."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.model = AutoModelForSequenceClassification.from_pretrained(minilm_folder(), num_labels=num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, classes) from ids and mask as int64 (B, 2, LENGTH)."""
        logits: Tensor = self.model(input_ids=inputs[:, 0], attention_mask=inputs[:, 1]).logits
        return logits


def main(
    data: str, output: Path, epochs: int = 1, seed: int = 1, until: float | None = None, max_samples: int | None = None
) -> None:
    """Train until the epochs are over, validation accuracy reaches ``until``, or ``max_samples`` are seen."""
    torch.manual_seed(seed)
    reviews = ReviewWordPieces(source=data)
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())

    def encode(split: str) -> TensorDataset:
        examples = first(reviews.source_found.splits[split], max_samples)
        encoded = tokenizer(
            list(examples.items), padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
        )
        inputs = torch.stack([encoded.input_ids, encoded.attention_mask], dim=1)
        return TensorDataset(inputs, torch.from_numpy(examples.labels))

    network = Logits(reviews.num_classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-5)
    batches, val_batches = DataLoader(encode("train"), 16, shuffle=True), DataLoader(encode("val"), 16)
    recording = Recording(output, until, max_samples)
    train(network, optimizer, batches, val_batches, epochs, recording)
    recording.finish_with(lambda: accuracy(network, DataLoader(encode("test"), 16)))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
