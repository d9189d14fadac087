import os
import signal
import time
from pathlib import Path

from lightsmith.studies.sweeps.forks import fork, with_output


def test_what_a_forked_process_prints_is_in_its_file_and_is_added_to() -> None:
    def says() -> None:
        with_output(Path("output/run.txt"))
        os.write(1, b"a line\n")
        os.write(2, b"an error\n")

    for _ in range(2):
        process = fork(says, "run")
        process.join()
        assert process.exitcode == 0
    assert Path("output/run.txt").read_text() == "a line\nan error\n" * 2


def test_a_forked_process_ends_with_the_one_that_forked_it() -> None:
    def forks_and_dies() -> None:
        def stays() -> None:
            with_output(Path("output/run.txt"))
            Path("number").write_text(str(os.getpid()))
            time.sleep(60)

        fork(stays, "stays")
        while not Path("number").is_file():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    fork(forks_and_dies, "dies").join()
    orphan, deadline = int(Path("number").read_text()), time.monotonic() + 10
    while _runs(orphan):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
