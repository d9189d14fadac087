"""Hiding tokens of texts for a network to guess, as BERT's pretraining does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

PATTERN = 4093  # random numbers of each kind that evaluation hides by; a prime, longer than texts
DRAWN = 1 << 31  # random numbers lie in 0…DRAWN - 1
LAST = 1 << 60  # beyond every number times the columns of a batch
# Of ten chosen tokens eight become the mask, one becomes any token, and one stays as it is.
OF_TEN, MASKED, REPLACED = 10, 8, 9
WORD_STARTS = ("Ġ", "▁")  # how tokens of byte-level BPE and of SentencePiece say that a word begins
PIECE = "##"  # how one of WordPiece says that its word has begun before


class Hidden(NamedTuple):
    """Texts with hidden tokens.

    Attributes:
        input_ids: int64 (B, T), what the network reads.
        positions: int64 (B, K), where the chosen tokens stand.
        chosen: bool (B, K), which of the positions count; shorter texts have fewer than K.
    """

    input_ids: Tensor
    positions: Tensor
    chosen: Tensor


class MaskTokens(nn.Module):
    """Chooses a share of each text's tokens and hides them (Devlin et al. 2019, §3.1).

    80% of those chosen become the mask token, 10% any token, and 10% stay as they are. In training the choice is drawn
    anew each time, from torch's global generator. In evaluation it follows from the text alone, whatever its batch, its
    process or its place in the data: the text's ids say where in a fixed list of random numbers it begins.

    A text has round(share · tokens) chosen tokens and at least one, special tokens aside; all texts of a batch have
    room for as many, so that no shape depends on a value.

    Args:
        vocabulary_size: how many token ids there are.
        share: of the tokens that are chosen, above 0 and below 1, in steps of a thousandth.
        whole_words: choose all pieces of a word together. A word that no longer fits into the share is left out.
    """

    special: Tensor
    continues: Tensor
    mask_id: Tensor
    pattern: Tensor

    def __init__(self, vocabulary_size: int, share: float = 0.15, whole_words: bool = False) -> None:
        super().__init__()
        if not 0.001 <= share < 1:
            raise ValueError(f"masked_share is {share}; use a share from 0.001 up to, not including, 1, such as 0.15.")
        self.thousandths = round(1000 * share)
        self.whole_words = whole_words
        drawn = np.random.default_rng(0).integers(DRAWN, size=(3, PATTERN))
        self.register_buffer("pattern", torch.from_numpy(drawn))
        self.register_buffer("special", torch.zeros(vocabulary_size, dtype=torch.bool))
        self.register_buffer("continues", torch.zeros(vocabulary_size, dtype=torch.bool))
        self.register_buffer("mask_id", torch.tensor(0))

    def know_tokens(self, tokens: Sequence[str], mask_id: int, special_ids: Sequence[int]) -> None:
        """Take from a tokenizer what its ids stand for.

        Args:
            tokens: by id, as the tokenizer writes them.
            mask_id: of the token that hides others.
            special_ids: of the tokens that are never chosen, such as those around a text.
        """
        self.mask_id.fill_(mask_id)
        self.special[list(special_ids)] = True
        self.continues[: len(tokens)] = torch.tensor(_continuing(tokens))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Hidden:
        """Hide tokens of a batch, whose ids and mask are int64 (B, T)."""
        order, way, token = self._draws(input_ids, attention_mask)
        eligible = attention_mask.bool() & ~self.special[input_ids]
        starts = eligible & ~self.continues[input_ids] if self.whole_words else eligible
        word = starts.long().cumsum(1).clamp(max=input_ids.shape[1] - 1)  # number of the word that a token is in

        # Words in a random order, and the pieces of each as they stand in the text.
        columns = torch.arange(input_ids.shape[1], device=input_ids.device)
        key = order.gather(1, word) * input_ids.shape[1] + columns + (~eligible).long() * LAST
        room = (input_ids.shape[1] * self.thousandths + 999) // 1000
        positions = key.topk(room, largest=False).indices
        chosen = self._within_share(positions, eligible, starts)

        hidden = torch.where(way % OF_TEN < REPLACED, token % len(self.special), input_ids)
        hidden = torch.where(way % OF_TEN < MASKED, self.mask_id, hidden).gather(1, positions)
        kept = input_ids.gather(1, positions)
        return Hidden(input_ids.scatter(1, positions, torch.where(chosen, hidden, kept)), positions, chosen)

    def _draws(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Three random numbers for each token, int64 (3, B, T)."""
        if self.training:
            return torch.randint(DRAWN, (3, *input_ids.shape), device=input_ids.device)
        begins = (input_ids * attention_mask).sum(1, keepdim=True)
        columns = torch.arange(input_ids.shape[1], device=input_ids.device)
        return self.pattern[:, (begins + columns) % PATTERN]

    def _within_share(self, positions: Tensor, eligible: Tensor, starts: Tensor) -> Tensor:
        """Choose among the tokens at ``positions`` (B, K), in their random order: bool (B, K).

        The first of a text that are its share; where words stay whole, only up to the last word that ends among them,
        unless not even one does.
        """
        count = ((eligible.sum(1, keepdim=True) * self.thousandths + 500) // 1000).clamp(min=1)
        count = torch.minimum(count, eligible.sum(1, keepdim=True))
        rank = torch.arange(positions.shape[1], device=positions.device)
        within = rank < count
        if not self.whole_words:
            return within
        goes_on = (eligible & ~starts)[:, 1:]  # whether the token after this one is of the same word
        ends = ~nn.functional.pad(goes_on, (0, 1)).gather(1, positions) & within
        ended = ends.long().cumsum(1)
        whole = ended - ends.long() < ended[:, -1:]  # a word that begins after the last end is cut
        return within & (whole | (ended[:, -1:] == 0))


def _continuing(tokens: Sequence[str]) -> list[bool]:
    """Mark the tokens that go on with a word that has begun before.

    Raises:
        ValueError: the tokens do not say.
    """
    if any(token.startswith(PIECE) for token in tokens):
        return [token.startswith(PIECE) for token in tokens]
    if any(token.startswith(WORD_STARTS) for token in tokens):
        return [not token.startswith(WORD_STARTS) for token in tokens]
    return [False] * len(tokens)
