"""Takes a newer export over while requests go on, if it can stand in for the one that is served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from lightning_modules.training.answer import Answer, ClassProbabilities
from lightsmith.exports.exported_files import ONNX_FILE, PROOF
from lightsmith.serving.application import Service
from lightsmith.serving.backend import Backend, Served
from lightsmith.serving.exported_run import found_export
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.terminal import one_line, say, shown

LOOK_EVERY_S = 1.0
DRAINED_EVERY_S = 0.05
SHOWN_NAMES = 5
Load = Callable[[Path, ServiceMetrics], Awaitable[Backend]]
State = tuple[object, ...]


async def take_newer(service: Service, watched: Path, load: Load) -> None:
    """Look for another export every second, and take it over once it has been the same for two looks.

    Args:
        watched: a run or an exported folder, which may be a link that leads elsewhere one day.
        load: makes a backend of an exported folder.
    """
    known = before = state_of(watched)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        state = state_of(watched)
        if state and state == before != known:
            known = state
            await _take(service, watched, load)
        before = state


def state_of(watched: Path) -> State:
    """Tell one export from another: where it lies, and how its files are; empty while there is none."""
    folder = found_export(watched)
    if folder is None:
        return ()
    try:
        found = [(folder / name).stat() for name in (ONNX_FILE, PROOF)]
    except OSError:  # it is being written, or removed
        return ()
    return folder.resolve(), *((file.st_mtime_ns, file.st_size, file.st_ino) for file in found)


async def _take(service: Service, watched: Path, load: Load) -> None:
    """Load an export and put it in the place of the one that is served, or say why not."""
    folder, old = found_export(watched), service.backend
    if folder is None:
        return
    try:
        new = await load(folder, service.metrics)
    except (ValueError, OSError) as error:
        refuse(folder, one_line(error))
        return
    reason = misfit(old.served, new.served)
    if reason:
        refuse(folder, reason)
        await new.close()
        return
    service.serve(new)
    say(f"reload: {shown(folder)} answers from now on ({str(new.served.proof.get('sha256'))[:12]})")
    try:
        while old.admission.inside:  # what it has let in, it answers
            await asyncio.sleep(DRAINED_EVERY_S)
    finally:
        await old.close()


def misfit(old: Served, new: Served) -> str:
    """Say why one model cannot stand in for another; empty where it can. The order of classes does not matter."""
    if (new.answer.kind, new.takes) != (old.answer.kind, old.takes):
        return f"it is {new.answer.kind} of {new.takes}s, and not {old.answer.kind} of {old.takes}s"
    lacking, strange = names(old.answer) - names(new.answer), names(new.answer) - names(old.answer)
    if lacking or strange:
        return f"it answers {some(strange) or 'nothing more'}, and not {some(lacking) or 'less'}"
    return ""


def names(answer: Answer) -> set[str]:
    """Names of the classes, or of the numbers that an answer consists of."""
    return set(answer.class_names if isinstance(answer, ClassProbabilities) else answer.columns)


def some(found: set[str]) -> str:
    """The first few of some names."""
    more = ["…"] if len(found) > SHOWN_NAMES else []
    return ", ".join([*sorted(found)[:SHOWN_NAMES], *more])


def refuse(folder: Path, reason: str) -> None:
    """Say that an export is not taken over."""
    say(f"reload: {shown(folder)} is refused: {reason}; the model before stays")
