from __future__ import annotations

from threading import Event

import pytest

from lightsmith.checkpoints.write_in_order import WriteInOrder


def test_acts_are_done_in_order_and_all_are_when_it_is_finished() -> None:
    writes, done, go = WriteInOrder(most=9), [], Event()
    writes.begin(lambda: done.append("first") if go.wait(10) else None)
    writes.begin(lambda: done.append("second"))
    assert not done
    go.set()
    writes.finish()
    assert done == ["first", "second"]
    writes.begin(lambda: done.append("after the end"))
    writes.finish()
    assert done[-1] == "after the end"


def test_no_more_wait_than_may() -> None:
    writes, done = WriteInOrder(most=1), []
    for number in range(5):
        writes.begin(lambda number=number: done.append(number))  # type: ignore[misc]  # mypy sees no default in it
        assert len(done) >= number  # all but the last
    writes.finish()


def test_a_failure_is_heard_of_at_the_next_call_and_what_follows_is_done() -> None:
    def fail() -> None:
        go.wait(10)
        raise OSError("the disk is gone")

    writes, done, go = WriteInOrder(most=9), [], Event()
    writes.begin(fail)
    writes.begin(lambda: done.append("next"))
    go.set()
    with pytest.raises(OSError, match="the disk is gone"):
        writes.finish()
    assert done == ["next"]
