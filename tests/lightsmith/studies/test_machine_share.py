import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightsmith.studies import machine_share
from lightsmith.studies.machine_share import one_gpu, share_of, threads_for
from tests.conftest import ROOT


def test_gpus_are_shared_out_among_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(place: int, listed: str | None) -> str | None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if listed is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
        return one_gpu(place).get("CUDA_VISIBLE_DEVICES", listed)

    monkeypatch.setattr(machine_share, "GPUS", Path("gpus"))
    assert [seen(1, None), seen(1, ""), seen(1, "5"), seen(1, "5,7"), seen(2, "5,7")] == [None, "", "5", "7", "5"]
    for name in ("a", "b"):
        (Path("gpus") / name).mkdir(parents=True)
    assert [seen(0, None), seen(1, None), seen(2, None)] == ["0", "1", "0"]


def test_cores_are_shared_out_unless_the_threads_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(machine_share, "CORES", Path("cpu"))
    monkeypatch.setattr(machine_share, "QUOTA", Path("quota"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16))
    assert [threads_for(workers) for workers in (1, 2, 5, 20)] == [16, 8, 3, 1]
    for processor in range(16):  # two threads a core
        topology = Path(f"cpu/cpu{processor}/topology")
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{processor % 8},{processor % 8 + 8}\n")
    assert [threads_for(workers) for workers in (1, 2, 3, 20)] == [8, 4, 2, 1]
    for given in ("6", "6,2"):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert threads_for(4) == 6


@pytest.mark.parametrize(
    ("quota", "threads"), [("max 100000\n", 16), ("400000 100000\n", 4), ("150000 100000\n", 1), ("50000 100000\n", 1)]
)
def test_a_container_counts_the_cores_that_it_may_keep_busy(
    monkeypatch: pytest.MonkeyPatch, quota: str, threads: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(machine_share, "CORES", Path("cpu"))
    monkeypatch.setattr(machine_share, "QUOTA", Path("quota"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16))
    Path("quota").write_text(quota)
    assert threads_for(1) == threads


def test_a_worker_that_has_the_machine_to_itself_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert share_of(0, 1) == {}
    assert share_of(1, 2) == {"OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "6"}


def test_a_share_is_found_without_torch() -> None:
    asks = "from lightsmith.studies.machine_share import share_of; share_of(0, 2)"
    command = [sys.executable, "-c", f"import sys; {asks}; print('torch' in sys.modules)"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
