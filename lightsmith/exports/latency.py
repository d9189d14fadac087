"""Timing exported models side by side: each in a process of its own, taking turns, one at work at a time.

As a module (python -m lightsmith.exports.latency FOLDER) it is one of these processes: it answers each line on standard
input, a batch size, with the milliseconds of one call.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tqdm.auto import tqdm

ROOT = Path(__file__).parents[2]
BATCH_SIZES = (1, 32)
ROUNDS = 30
CALLS_A_TURN = 10


def race(folders: Sequence[Path], inputs: Path, rounds: int = ROUNDS) -> list[dict[str, float]]:
    """Median milliseconds of a call by batch size, as a string, for each exported folder.

    Args:
        inputs: a file with a batch of inputs, such as ``save_inputs`` writes.
        rounds: how often each takes its turn, in the order given, to be calm of what else the machine does.

    Raises:
        ValueError: an exported model that cannot be run.
    """
    command = [sys.executable, "-m", "lightsmith.exports.latency", str(inputs.resolve())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    racers = [
        subprocess.Popen(
            [*command, str(folder.resolve())], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        for folder in folders
    ]  # fmt: skip
    taken: list[dict[str, list[float]]] = [{str(size): [] for size in BATCH_SIZES} for _ in racers]
    try:
        for _ in tqdm(range(rounds), "Timing", unit=" rounds", leave=False, delay=1, disable=None):
            for size in BATCH_SIZES:
                for racer, folder, figures in zip(racers, folders, taken, strict=True):
                    figures[str(size)] += _turn(racer, size, folder)
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    return [{size: round(median(values), 4) for size, values in figures.items()} for figures in taken]


def _turn(racer: subprocess.Popen[str], size: int, folder: Path) -> list[float]:
    assert racer.stdin is not None
    assert racer.stdout is not None
    try:
        racer.send_signal(signal.SIGCONT)
        racer.stdin.write(f"{size}\n")
        racer.stdin.flush()
        return [float(value) for value in racer.stdout.readline().split()] or _failed(folder)
    except BrokenPipeError:
        return _failed(folder)
    finally:
        racer.send_signal(signal.SIGSTOP)  # or its threads would go on looking for work, in the next one's time


def _failed(folder: Path) -> list[float]:
    raise ValueError(f"the model in {folder} cannot be run")


def _answer(inputs: Path, folder: Path) -> None:
    import torch

    from lightsmith.exports.model import load_model
    from lightsmith.exports.proof import of_size

    network, batch = load_model(folder), torch.load(inputs, weights_only=True)
    with torch.inference_mode():
        for line in sys.stdin:
            sized = [of_size(value, int(line)) for value in batch]
            network(*sized)  # its buffers are of another size, and its caches cold
            print(*(_milliseconds(network, sized) for _ in range(CALLS_A_TURN)), flush=True)


def _milliseconds(network: Callable[..., object], inputs: Sequence[object]) -> float:
    started = time.perf_counter()
    network(*inputs)
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    _answer(*map(Path, sys.argv[1:]))
