import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import OperationalError

from lightsmith.studies.sweeps import leases
from lightsmith.studies.sweeps.leases import Holder, Leases
from lightsmith.studies.sweeps.storage import leases_address
from tests.postgres import postgres_server


def of(holder: Holder, study: str = "study") -> Leases:
    made = Leases(leases_address(Path(), None), study, holder)
    made.prepare()
    return made


def ended_process() -> Holder:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        number = process.pid
    return Holder("dead", socket.gethostname(), number, "some time ago")


def test_a_run_is_held_by_one() -> None:
    mine, other, elsewhere = of(Holder.here()), of(Holder.here()), of(Holder.here(), "another study")
    assert [who.take("trial-1") for who in (mine, other, mine, elsewhere)] == [True, False, False, True]
    assert (mine.renew("trial-1"), other.renew("trial-1")) == (True, False)
    other.give_back("trial-1")  # which is not its own
    assert mine.held() == {"trial-1"}
    mine.give_back("trial-1")
    assert (mine.held(), other.take("trial-1")) == (set(), True)


def test_a_dead_process_of_this_machine_loses_its_lease_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    dead, mine = of(ended_process()), of(Holder.here())
    assert dead.take("trial-1")
    assert not mine.take("trial-1")  # what it started may not have ended yet
    monkeypatch.setattr(leases, "GONE_SECONDS", -1.0)
    assert mine.take("trial-1")
    assert not dead.renew("trial-1")


@pytest.mark.slow
def test_while_the_database_is_away_a_lease_is_ours_while_that_is_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with postgres_server() as server:
        mine = Leases(leases_address(Path(), server.address), "study", Holder.here())
        mine.prepare()
        assert mine.take("trial-1")
        server.stop()
        assert mine.renew("trial-1")
        with pytest.raises(OperationalError):  # nobody waits here
            mine.give_back("trial-1")
        server.start()
        monkeypatch.setattr(leases, "SURE_SECONDS", 0.0)
        assert mine.renew("trial-1")
        server.stop()
        assert not mine.renew("trial-1")


def test_a_silent_machine_loses_its_lease_and_learns_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    far, mine = of(Holder("far", "another-machine", os.getpid(), "then")), of(Holder.here())
    assert far.take("trial-1")
    monkeypatch.setattr(leases, "GONE_SECONDS", -1.0)  # of its processes nothing is known here
    assert not mine.take("trial-1")
    monkeypatch.setattr(leases, "LEASE_SECONDS", -1.0)
    assert mine.take("trial-1")
    assert not far.renew("trial-1")
