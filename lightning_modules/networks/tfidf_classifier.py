"""A linear layer on TF-IDF of words and of pairs of neighbouring words, out of nothing but token ids."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_TEXTS = 2  # of training that a feature is in; others tell nothing of new texts
FIRST, SECOND = 1_000_003, 8_191  # primes; the products of ids stay far below 2**63
SMALLEST_LENGTH = 1e-9


class TfidfClassifier(nn.Module):
    """Weighs the words and pairs that a text holds, and adds up their votes for each class.

    A feature counts (1 + ln tf) · idf, with idf = 1 + ln((1 + n) / (1 + df)) over n training texts of which df have it;
    then a text's features get length 1 together (Manning et al. 2008, §6.2; scikit-learn's TfidfVectorizer with
    sublinear_tf). Pairs share ``pair_buckets`` places by a hash, as in fastText (Joulin et al. 2017, §2.1).

    Args:
        num_classes: width of the logits; 1 for a value.
        vocabulary_size: number of token ids, 0 (padding) included.
        pair_buckets: places for pairs, at least 1; each takes as many weights as there are classes.

    Raises:
        ValueError: for an argument outside its range.
    """

    idf: Tensor

    def __init__(self, num_classes: int, vocabulary_size: int, pair_buckets: int) -> None:
        super().__init__()
        for name, size in (("num_classes", num_classes), ("pair_buckets", pair_buckets)):
            if size < 1:
                raise ValueError(f"{name} is {size}; use an integer of at least 1.")
        self.vocabulary_size = vocabulary_size
        self.features = vocabulary_size + pair_buckets
        self.votes = nn.EmbeddingBag(self.features, num_classes, mode="sum")
        self.bias = nn.Parameter(torch.zeros(num_classes))
        self.register_buffer("idf", torch.ones(self.features))
        nn.init.zeros_(self.votes.weight)

    @property
    def counted(self) -> bool:
        """Return whether ``count`` was done: without, every feature counts alike."""
        return bool((self.idf != 1).any())

    @torch.no_grad()
    def count(self, texts: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Learn how rare each feature is from all training texts, in batches of ids and masks, int64 (B, T)."""
        found, total = torch.zeros_like(self.idf), 0
        for input_ids, attention_mask in texts:
            features, counts = self.distinct(input_ids, attention_mask)
            found += torch.bincount(features[counts > 0], minlength=self.features)
            total += len(input_ids)
        rarity = 1 + torch.log((1 + total) / (1 + found))
        self.idf.copy_(torch.where(found >= LEAST_TEXTS, rarity, 0.0))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (B, num_classes) from right-padded ids (B, T) int64 and their mask (B, T), 1 on real tokens."""
        features, counts = self.distinct(input_ids, attention_mask)
        weights = torch.where(counts > 0, 1 + counts.clamp(min=1).to(self.idf.dtype).log(), 0.0) * self.idf[features]
        weights = weights / weights.norm(dim=1, keepdim=True).clamp(min=SMALLEST_LENGTH)
        if torch.compiler.is_exporting():  # to ONNX, a bag would become a loop over texts
            votes = (weights[:, :, None] * F.embedding(features, self.votes.weight)).sum(1)
        else:
            votes = self.votes(features, per_sample_weights=weights.to(self.votes.weight.dtype))
        return votes + self.bias

    def distinct(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """The features of each text and how often it has each, int64 (B, 2T - 1); 0 times at places left over."""
        left, right = input_ids[:, :-1], input_ids[:, 1:]
        pairs = self.vocabulary_size + (left * FIRST + right * SECOND) % (self.features - self.vocabulary_size)
        real = torch.cat([attention_mask, attention_mask[:, 1:]], dim=1).bool()
        features = torch.cat([input_ids, pairs], dim=1).masked_fill(~real, self.features)
        features = features.sort(dim=1).values  # equal ones side by side, padding last
        begins = F.pad(features[:, 1:] != features[:, :-1], (1, 0), value=True)
        place = begins.long().cumsum(1) - 1  # of each among the distinct ones of its text
        counts = torch.zeros_like(features).scatter_add(1, place, torch.ones_like(features)).gather(1, place)
        return features.clamp(max=self.features - 1), counts * (begins & (features < self.features))
