"""`export`: a trained model as a folder that works without Lightsmith, and the proof that it does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from datamodules.batches.encoded_cache import sha256
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.exports.card import RunFacts, run_facts, write_card
from lightsmith.exports.exported_files import ONNX_FILE, PROOF, TORCH_FILE
from lightsmith.exports.folder import write_json, write_preprocessing
from lightsmith.exports.model import Format, Precision, batches, check_precision, write_model
from lightsmith.exports.proof import Run, comparison, prove, verdict
from lightsmith.exports.reference import REFERENCE_ITEMS, reference_of, traits_of_batches, write_reference
from lightsmith.terminal import shown

if TYPE_CHECKING:
    from datamodules.split_data import SplitData

SCHEMA = 1


class Wish(NamedTuple):
    """The options of an export, as ``export`` explains them."""

    format: Format
    precision: Precision
    calibration_items: int
    max_drop: float
    limit: int | None


def export(
    run: Path,
    output: Path | None = None,
    format: Format = "onnx",  # noqa: A002  # the option is --format
    precision: Precision = "fp32",
    data: str | None = None,
    calibration_items: int = 512,
    max_drop: float = 0.5,
    limit: int | None = None,
) -> int:
    """Write a model with its preprocessing, class names and card into a folder, then prove it on the test split.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, or a .ckpt file.
        output: the folder to write, which must not exist; by default one in the run folder.
        format: onnx, or torch for a .pt2 file of torch.export's.
        precision: fp32; int8 (onnx only); bf16 (torch only, as ONNX Runtime has no bf16 for CPUs).
        data: where the data is now, if not where the run found it.
        calibration_items: training items from which the ranges of int8 are taken.
        max_drop: points of accuracy that int8 or bf16 may lose; for a task whose headline is to be low, per cent of it.
        limit: prove it on at most this many test items.

    Returns:
        Exit code: 0, or 1 if the proof failed; the folder is there in both cases.

    Raises:
        ValueError: no such run, a folder that exists or has nowhere to lie, a precision that the format does not have,
            or data of other classes.
    """
    if calibration_items < 1 or (limit is not None and limit < 1):
        raise ValueError(f"--calibration_items={calibration_items} and --limit={limit} must be at least 1")
    if max_drop < 0:
        raise ValueError(f"--max_drop={max_drop} must be at least 0")
    home = run.resolve() if run.is_dir() else run.parent
    folder = output or home / f"export-{format}-{precision}"
    facts = run_facts(home)
    proof = _write(run, folder, Wish(format, precision, calibration_items, max_drop, limit), data, facts)
    print("\n".join(proof_lines(proof, folder)))
    return 0 if proof["passed"] else 1


def _write(run: Path, folder: Path, wish: Wish, data: str | None, facts: RunFacts) -> dict[str, Any]:
    """Write the folder, all of it or nothing; returns the proof.

    Raises:
        ValueError: the options do not go together, or the folder exists.
    """
    check_precision(wish.format, wish.precision)
    if folder.exists():
        raise ValueError(f"{folder} exists: remove it, or name another folder by --output")
    model, source = load_run(run)
    if not folder.parent.is_dir():
        raise ValueError(f"--output={folder}: there is no folder {folder.parent}")
    source.source, source.cache = data or source.source, True
    _ = source.source_found  # refuses other classes, before anything is written
    draft = folder.with_name(f".{folder.name}-{os.getpid()}")
    draft.mkdir()
    try:
        proof = _fill(draft, model, source, wish, facts)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return proof


def _fill(folder: Path, model: Any, data: SplitData, wish: Wish, facts: RunFacts) -> dict[str, Any]:
    """Write everything that belongs into the folder; returns the proof."""
    path = folder / (ONNX_FILE if wish.format == "onnx" else TORCH_FILE)
    exported = write_model(model.network, data, path, wish.precision, wish.calibration_items, model.answer.output)
    write_preprocessing(folder, data.preprocessing, model.answer)
    test = list(batches(data, "test", wish.limit))
    proof = {
        "schema": SCHEMA,
        "format": wish.format,
        "precision": wish.precision,
        "task": model.kind,
        **prove(model, exported, test, wish.precision == "fp32", wish.max_drop),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
    }
    write_json(folder / PROOF, proof)
    _write_reference(folder, model, data, exported, min(wish.limit or REFERENCE_ITEMS, REFERENCE_ITEMS))
    write_card(folder, proof, facts, data.preprocessing)
    return proof


def _write_reference(folder: Path, model: Any, data: SplitData, exported: Run, items: int) -> None:
    """Keep how test items and the answers to them are distributed."""
    with torch.inference_mode():
        said = [
            ([value.numpy() for value in batch.inputs], exported(*batch.inputs).float().numpy())
            for batch in batches(data, "test", items)
        ]
    write_reference(folder, reference_of(traits_of_batches(model.answer, data.preprocessing, said)))


def proof_lines(proof: dict[str, Any], folder: Path) -> list[str]:
    """The proof as a table for a person."""
    rows = {
        "test items": f"{proof['items']:,}",
        **comparison(proof),
        "size": f"{proof['bytes'] / 1e6:.2f} MB",
        **{
            f"batch of {size}": f"{taken['p50']:.2f} ms (p95 {taken['p95']:.2f} ms)"
            for size, taken in proof["latency_ms"].items()
        },
        "written": f"{shown(folder)}/",
        "proof": verdict(proof),
    }
    return [f"{title:<12} {text}" for title, text in rows.items()]
