from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightsmith.runs.ending import run_to_the_end
from lightsmith.runs.failures import RunFailedError


class Notes:
    """A recording that only notes what it is told."""

    folder = None

    def __init__(self) -> None:
        self.said: list[Any] = []

    def say(self, state: str, reason: str | None = None) -> None:
        self.said.append((state, reason))

    def take_back(self) -> None:
        self.said.append("taken back")

    def release(self) -> None: ...


def ended(command: Callable[[], None], **options: Any) -> Any:
    """The notes of a command that ended, and what it raised."""
    trainer = SimpleNamespace(failures=options.pop("failures", []), global_step=7, world_size=1, is_global_zero=True)
    asked = SimpleNamespace(ckpt_path=options.pop("ckpt_path", None))
    cli = SimpleNamespace(recording=Notes(), trainer=trainer, options=asked, restored_step=7)
    raised = None
    try:
        run_to_the_end(cli, command, trains=True)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it is
        raised = error
    return cli.recording.said, raised


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_a_run_that_came_to_its_end_has_finished() -> None:
    assert ended(lambda: None) == ([("finished", None)], None)


def test_a_callback_that_failed_in_the_test_is_a_failure_that_keeps_the_record() -> None:
    said, raised = ended(lambda: None, failures=["X failed"])
    assert said == [("failed", "X failed")]
    assert isinstance(raised, RunFailedError)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [(SIGTERMException(143), 143, "SIGTERM"), (SIGTERMException(138), 138, "SIGUSR1"), (SystemExit(1), 130, "SIGINT")],
)
def test_a_signal_is_an_interruption_with_its_exit_code(error: SystemExit, code: int, reason: str) -> None:
    said, raised = ended(raising(error))
    assert said == [("interrupted", reason), "taken back"]
    assert raised.code == code


def test_a_failure_is_said_before_a_draft_is_taken_back() -> None:
    mistake = ValueError("wrong")
    assert ended(raising(mistake)) == ([("failed", "wrong"), "taken back"], mistake)


def test_an_error_in_the_first_step_from_a_checkpoint_names_it() -> None:
    said, raised = ended(raising(KeyError("momentum")), ckpt_path="last.ckpt")
    assert str(raised) == "last.ckpt cannot be used here: 'momentum'"
    assert said[0] == ("failed", str(raised))
