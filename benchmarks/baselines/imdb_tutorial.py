"""IMDb as the tutorials do it: 10,000 words, padded to 500, embedding 64, LSTM 128, Adam 1e-3, batch 32, fp32."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.baselines.recording import Recording, first
from benchmarks.baselines.tutorial_loop import accuracy, train
from datamodules.review_words import ReviewWords
from datamodules.sources.source import Examples

VOCABULARY, LENGTH = 10_000, 500
PAD, UNKNOWN = 0, 1


class TutorialLSTM(nn.Module):
    """Classifies the state after the last real word, as packed sequences give it."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64, padding_idx=PAD)
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        self.head = nn.Linear(128, num_classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, classes) from right-padded ids (B, LENGTH) int64."""
        lengths = (ids != PAD).sum(1).clamp(min=1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)
        logits: Tensor = self.head(last[-1])
        return logits


def main(
    data: str, output: Path, epochs: int = 4, seed: int = 1, until: float | None = None, max_samples: int | None = None
) -> None:
    """Train until the epochs are over, validation accuracy reaches ``until``, or ``max_samples`` are seen."""
    torch.manual_seed(seed)
    reviews = ReviewWords(source=data)
    splits = reviews.source_found.splits
    vocabulary = _vocabulary(splits["train"].items)
    train_set, val_set, test_set = (
        _encode(first(splits[split], max_samples), vocabulary) for split in ("train", "val", "test")
    )
    network = TutorialLSTM(reviews.num_classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    recording = Recording(output, until, max_samples)
    train(network, optimizer, DataLoader(train_set, 32, shuffle=True), DataLoader(val_set, 32), epochs, recording)
    recording.finish_with(lambda: accuracy(network, DataLoader(test_set, 32)))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("<br />", " "))


def _vocabulary(texts: Iterable[str]) -> dict[str, int]:
    counts = Counter(word for text in texts for word in _words(text))
    return {word: i for i, (word, _) in enumerate(counts.most_common(VOCABULARY - 2), start=2)}


def _encode(examples: Examples, vocabulary: dict[str, int]) -> TensorDataset:
    ids = torch.full((len(examples), LENGTH), PAD)
    for row, text in enumerate(examples.items):
        found = [vocabulary.get(word, UNKNOWN) for word in _words(text)[:LENGTH]]
        ids[row, : len(found)] = torch.tensor(found, dtype=torch.int64)
    return TensorDataset(ids, torch.from_numpy(examples.labels))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
