"""Batches of texts as token ids, padded to about the longest of their own batch."""

from __future__ import annotations

from mmap import ACCESS_COPY, MADV_DONTNEED, mmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.preprocessing import padded_width

# A larger file of tokens gives its memory back after this many texts, for each of which Linux maps up to 64 kB.
RESIDENT_BYTES, RELEASED_TEXTS = 200_000_000, 2000


class TextBatch(NamedTuple):
    """input_ids, attention_mask: int64 (B, T), right-padded; label, index: int64 (B,), index as in the split."""

    input_ids: Tensor
    attention_mask: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # tuples have a method of that name

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.input_ids, self.attention_mask)


class EncodedTexts(Dataset[TextBatch]):
    """All tokens in one int32 tensor; a batch gathers its rows and pads them (see `padded_width`).

    The tokens may be mapped from a file, so they need not fit in memory, or on a GPU.

    Args:
        tokens: int32, the texts' ids one after the other.
        lengths: int64 (N,), at least 1.
        starts: int64 (N,), where each text begins among the tokens; one after the other when unset.
        mapped: the file that the tokens are mapped from, if little of it is to stay in memory.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        lengths: np.ndarray,
        labels: np.ndarray,
        pad_id: int,
        starts: np.ndarray | None = None,
        mapped: mmap | None = None,
    ) -> None:
        self.tokens = torch.from_numpy(tokens)
        self.lengths: list[int] = lengths.tolist()
        self.starts = torch.from_numpy(lengths.cumsum() - lengths if starts is None else starts)
        self.labels = torch.from_numpy(labels)
        self.pad_id = pad_id
        self.mapped = mapped
        self._read = 0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> TextBatch:
        device = self.tokens.device
        index = torch.tensor(indices, device=device)
        lengths = [self.lengths[i] for i in indices]
        columns = torch.arange(padded_width(max(lengths)), device=device)
        mask = columns < torch.tensor(lengths, device=device)[:, None]
        positions = torch.where(mask, self.starts[index][:, None] + columns, 0)
        input_ids = torch.where(mask, self.tokens[positions].long(), self.pad_id)
        self._release(len(indices))
        return TextBatch(input_ids, mask.long(), self.labels[index], index)

    def _release(self, count: int) -> None:
        """Give back, now and then, the memory that reading a mapped file has taken; its pages can be read again."""
        self._read += count
        if self.mapped is not None and self._read >= RELEASED_TEXTS:
            self.mapped.madvise(MADV_DONTNEED)
            self._read = 0

    def __getstate__(self) -> dict[str, Any]:
        """A worker that does not share this process's memory gets the tokens without their map."""
        return {**self.__dict__, "mapped": None}

    def take(self, positions: np.ndarray) -> EncodedTexts:
        """The texts at int64 ``positions`` (n,), in that order, whose tokens stay where they are."""
        lengths = np.array(self.lengths, dtype=np.int64)[positions]
        starts, labels = self.starts.numpy()[positions], self.labels.numpy()[positions]
        return EncodedTexts(self.tokens.numpy(), lengths, labels, self.pad_id, starts, self.mapped)

    def to(self, device: torch.device) -> None:
        """Move the tokens in use to a device, so that a batch is gathered where it is used."""
        if self.starts.is_cpu:  # not on a device already, from fit to test
            self._close_up()
        self.tokens, self.starts, self.labels = (t.to(device) for t in (self.tokens, self.starts, self.labels))

    def _close_up(self) -> None:
        """Leave out others' tokens that lie between these."""
        lengths = torch.tensor(self.lengths, dtype=torch.int64)
        starts = lengths.cumsum(0) - lengths
        if not torch.equal(starts, self.starts):
            places = torch.repeat_interleave(self.starts - starts, lengths) + torch.arange(int(lengths.sum()))
            self.tokens, self.starts = self.tokens[places], starts

    @property
    def bytes(self) -> int:
        return sum(self.lengths) * self.tokens.itemsize


def map_tokens(path: Path) -> tuple[np.ndarray, mmap | None]:
    """The tokens in a file, int32, and its map if it is too large to be left in memory."""
    size = path.stat().st_size
    if not size:  # which cannot be mapped
        return np.empty(0, np.int32), None
    with path.open("rb") as file:
        mapped = mmap(file.fileno(), 0, access=ACCESS_COPY)
    return np.frombuffer(mapped, np.int32), mapped if size > RESIDENT_BYTES else None
