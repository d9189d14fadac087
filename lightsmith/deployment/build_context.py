"""Writes what an image of a service is built from, and what runs it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lightsmith.deployment.serving_lock import serving_lock
from lightsmith.exports.exported_files import ONNX_FILE, PROOF, check_onnx, read_json

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"
ALERTS = ROOT / "lightsmith/serving/monitoring/alerts.yaml"
LOCK = "requirements.lock"
SOURCES = ("cli.py", "commands", "datamodules", "lightning_modules", "lightsmith", "callbacks")
SUFFIXES = {".py", ".html", ".css", ".js", ".json", ".yaml"}
MEBI = 2**20
# Memory of a process beside the model, all requests that are read included, and copies of the weights that a runtime
# makes while it loads them.
PROCESS_MIB, REQUESTS_MIB, COPIES = 256, 512, 4
MEMORY_STEP_MIB = 64


class Service(NamedTuple):
    """The image with its tag, and the memory that it asks for and may have, as the files name them."""

    name: str
    tag: str
    memory_mib: int
    most_memory_mib: int


def write_context(export: Path, folder: Path, name: str) -> Service:
    """Write a build context and the files that run its image, all of them or nothing.

    Args:
        export: a folder that ``export`` wrote, whose proof was passed.
        folder: to write, which must not exist.
        name: of the image.

    Raises:
        ValueError: the export or the folder cannot be used, or no image can have this name.
    """
    service = _describe(export, name)
    if folder.exists():
        raise ValueError(f"{folder} exists: remove it, or name another folder by --output")
    if not folder.parent.is_dir():
        raise ValueError(f"--output={folder}: there is no folder {folder.parent}")
    draft = folder.with_name(f".{folder.name}-{os.getpid()}")
    draft.mkdir()
    try:
        _fill(draft, export, service)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return service


def _describe(export: Path, name: str) -> Service:
    """Refuse what cannot be served, before anything is written."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 50:
        raise ValueError(
            f"--name={name} must be lower-case letters, digits and single dashes, at most 50: lightsmith-mnist"
        )
    check_onnx(export)
    proof: dict[str, Any] = read_json(export / PROOF, dict)
    if proof.get("passed") is not True:
        raise ValueError(f"{export} failed its proof: export the run again")
    copies = COPIES * (export / ONNX_FILE).stat().st_size // MEBI
    least, most = (_rounded(PROCESS_MIB + copies + more) for more in (0, REQUESTS_MIB))
    return Service(name, str(proof["sha256"])[:12], least, most)


def _rounded(mib: int) -> int:
    return -(-mib // MEMORY_STEP_MIB) * MEMORY_STEP_MIB


def _fill(folder: Path, export: Path, service: Service) -> None:
    (folder / LOCK).write_text(serving_lock((ROOT / LOCK).read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copytree(export, folder / "export")
    for source in _sources():
        target = folder / "lightsmith" / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(ALERTS, folder / ALERTS.name)
    for file in sorted(FILES.iterdir()):
        text = file.read_text(encoding="utf-8")
        (folder / file.name).write_text(_filled_in(text, service), encoding="utf-8")


def _sources() -> Iterator[Path]:
    """Lightsmith's own code and pages, without the weights and samples that it comes with."""
    for name in SOURCES:
        found = [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*"))
        yield from (path for path in found if path.suffix in SUFFIXES and path.is_file())


def _filled_in(text: str, service: Service) -> str:
    """Replace <<name>> and the like."""
    for field, value in service._asdict().items():
        text = text.replace(f"<<{field}>>", str(value))
    return text
