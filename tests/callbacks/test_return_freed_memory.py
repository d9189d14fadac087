import pytest

from callbacks.return_freed_memory import ReturnFreedMemory
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def test_memory_is_returned_every_few_batches_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    returned: list[int] = []
    callback = ReturnFreedMemory(every_n_batches=3)
    monkeypatch.setattr(callback, "_trim", returned.append)
    trainer = tiny_trainer(callback, max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData())  # 5 batches to train on, 5 to validate
    assert returned == [0] * 3
    trainer.test(TinyModel(), TinyData(), verbose=False)
    assert returned == [0] * 5


def test_a_c_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    callback = ReturnFreedMemory(every_n_batches=1)
    monkeypatch.setattr(callback, "_trim", None)
    tiny_trainer(callback, max_epochs=1).fit(TinyModel(), TinyData())


def test_a_period_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="every_n_batches=0 must be at least 1"):
        ReturnFreedMemory(every_n_batches=0)
