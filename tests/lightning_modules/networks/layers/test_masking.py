import pytest
import torch
from torch import Tensor

from lightning_modules.networks.layers.masking import Hidden, MaskTokens

TOKENS = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "good", "film", "##s", "##goer", *(f"word{i}" for i in range(192))]
MASK, SPECIAL = 3, [0, 1, 2]


def masking(share: float = 0.15, whole_words: bool = False) -> MaskTokens:
    module = MaskTokens(len(TOKENS), share, whole_words)
    module.know_tokens(TOKENS, MASK, SPECIAL)
    return module


def texts(*lengths: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Texts of random words between [CLS] and [SEP], padded to a multiple of 16."""
    width = -(-max(lengths) // 16) * 16
    ids = torch.randint(4, len(TOKENS), (len(lengths), width), generator=torch.Generator().manual_seed(seed))
    ends = torch.tensor(lengths)[:, None] - 1
    columns = torch.arange(width)
    ids = ids.where(columns != 0, 1).where(columns != ends, 2).where(columns <= ends, 0)
    return ids, (columns <= ends).long()


def chosen_tokens(hidden: Hidden, width: int) -> Tensor:
    """Which tokens were chosen, bool (B, T)."""
    return torch.zeros(len(hidden.positions), width, dtype=torch.bool).scatter(1, hidden.positions, hidden.chosen)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("length", "count"), [(102, 15), (22, 3), (6, 1), (3, 1), (2, 0)])
def test_a_share_of_each_text_is_chosen_and_at_least_one_token_of_it(length: int, count: int, training: bool) -> None:
    hidden = masking().train(training)(*texts(length, 130))
    assert hidden.chosen[0].sum() == count
    assert hidden.chosen[1].sum() == round(0.15 * 128)


def test_eight_in_ten_become_the_mask_one_any_token_and_one_stays() -> None:
    torch.manual_seed(0)
    ids, mask = texts(*[200] * 200)
    hidden = masking()(ids, mask)
    now, before = hidden.input_ids[chosen_tokens(hidden, 208)], ids[chosen_tokens(hidden, 208)]
    assert (now == MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (now == before).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert len(now[(now != MASK) & (now != before)].unique()) > 150


@pytest.mark.parametrize("whole_words", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_but_chosen_tokens_changes_and_none_of_them_is_special(training: bool, whole_words: bool) -> None:
    ids, mask = texts(40, 17, 90, 3)
    hidden = masking(0.5, whole_words).train(training)(ids, mask)
    chosen = chosen_tokens(hidden, ids.shape[1])
    assert torch.equal(hidden.input_ids[~chosen], ids[~chosen])
    assert not torch.isin(ids[chosen], torch.tensor(SPECIAL)).any()


def test_training_draws_anew_from_the_global_generator() -> None:
    module, batch = masking(), texts(60, 60)
    torch.manual_seed(1)
    first, second = module(*batch).input_ids, module(*batch).input_ids
    torch.manual_seed(1)
    assert not torch.equal(first, second)
    assert torch.equal(module(*batch).input_ids, first)


@pytest.mark.parametrize("whole_words", [True, False])
def test_in_evaluation_a_text_hides_the_same_tokens_in_every_batch_and_at_every_width(whole_words: bool) -> None:
    module = masking(whole_words=whole_words).eval()
    ids, mask = texts(30, 100, 45)
    together = module(ids, mask).input_ids
    before = torch.get_rng_state()
    alone = module(ids[2:, :48], mask[2:, :48]).input_ids
    assert torch.equal(together[2, :48], alone[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_in_evaluation_all_positions_are_hidden_about_equally_often() -> None:
    ids, mask = texts(*[66] * 600)
    share = chosen_tokens(masking().eval()(ids, mask), ids.shape[1]).float().mean(0)[1:65]
    assert share.mean().item() == pytest.approx(0.156, abs=0.002)  # 10 of 64
    assert share.min() > 0.09
    assert share.max() < 0.24


def test_whole_words_are_chosen_with_all_their_pieces_or_not_at_all() -> None:
    torch.manual_seed(0)
    words = torch.tensor([[5], [4], [9]]).repeat(1, 3)
    words[0, 1:], words[1, 1] = torch.tensor([7, 6]), 6  # film ##goer ##s, good ##s word1
    order = torch.stack([torch.randperm(20) % 3 for _ in range(64)])
    ids = torch.cat([torch.full((64, 1), 1), words[order].reshape(64, -1), torch.full((64, 1), 2)], dim=1)
    hidden = masking(0.2, whole_words=True)(ids, torch.ones_like(ids))
    chosen = chosen_tokens(hidden, ids.shape[1])

    starts = ids < 6
    starts |= ids > 7
    word = starts.long().cumsum(1)
    pieces, hidden_pieces = (torch.zeros_like(ids).scatter_add(1, word, part.long()) for part in (ids > 0, chosen))
    assert ((hidden_pieces == 0) | (hidden_pieces == pieces)).all()
    assert chosen.sum(1).max() <= 12
    assert chosen.sum(1).min() >= 10  # a word that no longer fits has at most three pieces


def test_a_text_that_is_one_long_word_has_its_share_chosen_all_the_same() -> None:
    ids = torch.tensor([[1, 5, *[6] * 20, 2]])
    assert masking(whole_words=True)(ids, torch.ones_like(ids)).chosen.sum() == 3


def test_pieces_of_words_are_told_by_the_marks_of_any_tokenizer() -> None:
    byte_level = MaskTokens(4, whole_words=True)
    byte_level.know_tokens(["<s>", "Ġfilm", "goer", "Ġgood"], mask_id=0, special_ids=[0])
    assert byte_level.continues.tolist() == [True, False, True, False]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"masked_share is {share}; use"):
        MaskTokens(10, share)
