"""`compress`: one experiment's model made smaller and faster in several ways, proved and compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from callbacks.distill_from_teacher import DistillFromTeacher
from datamodules.sources.hub_tables import names_hub
from datamodules.sources.source import existing_path
from datamodules.split_data import SplitData
from lightning_modules.networks.probes.macs import count_macs
from lightning_modules.training.task import Headline, class_path
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.exports.exported_files import PROOF
from lightsmith.exports.latency import race
from lightsmith.exports.model import batches, load_model
from lightsmith.exports.proof import said
from lightsmith.run_folder import COMPRESSED, LEDGER, TRAINING, create_run_folder, point_latest
from lightsmith.runs.failures import RunFailedError
from lightsmith.settings.experiments import experiment_file
from lightsmith.settings.yaml_files import read_settings
from lightsmith.studies.child_runs import CLI, run_experiment
from lightsmith.studies.ledger import SCHEMA, Row, lost_by, plot, print_table, recommended, shortcomings
from lightsmith.studies.variants import Variant, read_plan
from lightsmith.terminal import shown


def compress(
    name: str,
    data: str | None = None,
    run: Path | None = None,
    max_drop: float = 1.0,
    limit: int | None = None,
    seed: int | None = None,
) -> int:
    """Make the variants of experiments/_compression/<name>.yaml, and measure them side by side on exported files.

    Writes a run folder with ledger.json, pareto.png, each variant's exported folder, and under training/ its run.

    Args:
        name: the experiment.
        data: as data.source; when unset, where the run found its data, or sample.
        run: a run folder of the experiment whose model is taken as the first variant, instead of training it.
        max_drop: points of accuracy, or per cent of a headline that is to be low, that the recommended variant, the
            fastest that keeps to it on the validation split, may lose on the test split.
        limit: judge accuracy on at most this many validation and test items.
        seed: of every training, as seed_everything; the experiment's own when unset.

    Returns:
        Exit code: 0, or 1 if the recommended variant loses more, an exact export is not exact, or zeros went lost.

    Raises:
        ValueError: no such experiment, plan, run or data, or a run of another experiment or other classes.
    """
    experiment_file(name)  # refuses a name that is none
    if max_drop < 0 or (limit is not None and limit < 1):
        raise ValueError(f"--max_drop={max_drop} must be at least 0 and --limit={limit} at least 1")
    variants = read_plan(name)
    data = _checked_data(name, data, run)
    folder = create_run_folder(Path("runs"), f"{name}{COMPRESSED}").resolve()
    point_latest(folder)
    print(f"variants   {', '.join(variant.name for variant in variants)}\nwriting    {shown(folder)}/", flush=True)
    runs: dict[str, Path] = {} if run is None else {variants[0].name: run.resolve()}
    rows = []
    for variant in variants:
        if variant.name not in runs:
            runs[variant.name] = _trained(variant, name, data, runs, folder / TRAINING, seed)
        rows.append(_measured(variant, runs[variant.name], data, folder, limit))
    model: Any
    model, source = load_run(runs[variants[0].name])
    source.source = data
    _time(rows, source, folder)
    return _report(rows, model.headline, name, data, max_drop, folder)


def _checked_data(name: str, data: str | None, run: Path | None) -> str:
    """Find the data, and refuse now what the first training or export would refuse later."""
    if run is not None:
        model, source = load_run(run)
        wanted = read_settings(experiment_file(name))["model"]["class_path"]
        if class_path(model) != wanted:
            raise ValueError(f"--run={run} is of {class_path(model)}, the experiment {name} of {wanted}")
        data = source.source = data or source.source
        _ = source.source_found  # refuses other classes, before anything is written
    elif data not in (None, "sample", "hub") and not names_hub(data):
        existing_path(data)
    return data or "sample"


def _trained(variant: Variant, name: str, data: str, runs: dict[str, Path], home: Path, seed: int | None) -> Path:
    """The folder of the run that makes a variant; of one that is only exported otherwise, that of its origin."""
    if variant.settings is None and variant.of is not None:
        return runs[variant.of]
    settings: dict[str, Any] = dict(variant.settings or {})
    if variant.teacher is not None:
        teaching = {
            "class_path": f"{DistillFromTeacher.__module__}.{DistillFromTeacher.__qualname__}",
            "init_args": {"teacher": str(runs[variant.teacher])},
        }
        trainer = settings.get("trainer", {})
        settings["trainer"] = {**trainer, "callbacks+": [*trainer.get("callbacks+", []), teaching]}
    options = [f"--data.source={data}"]
    if variant.of is not None:
        options.append(f"--init_from={runs[variant.of]}")
    if seed is not None:
        options.append(f"--seed_everything={seed}")
    print(f"\n== {variant.name}", flush=True)
    run = run_experiment(name, settings, options, runs=home / variant.name)
    if run.code or run.folder is None:
        raise RunFailedError(
            f"{variant.name} was not trained (exit code {run.code}): {run.reason}; what is done is in {shown(home)}"
        )
    return run.folder


def _measured(variant: Variant, run: Path, data: str, folder: Path, limit: int | None) -> Row:
    """A variant's exported folder, and everything about it but its latency."""
    output = folder / variant.name
    form = "torch" if variant.precision == "bf16" else "onnx"
    proof = _exported(run, output, f"--format={form}", f"--precision={variant.precision}", data, limit)
    model: Any
    model, source = load_run(run)
    source.source = data
    val = list(batches(source, "val", limit))
    example, metric = [value[:1] for value in val[0].inputs], model.headline.metric
    return {
        "name": variant.name,
        "of": variant.of,
        "teacher": variant.teacher,
        "precision": variant.precision,
        "run": str(shown(run)),
        "export": str(shown(output)),
        "test_items": proof["items"],
        f"test_{metric}": proof[metric],
        f"val_{metric}": said(model, load_model(output), val, "The validation split").headline,
        "bytes": proof["bytes"],
        "macs": count_macs(model.network, example),
        "zeros": _zeros([weight.numpy() for weight in _weights(model)]),
        "file_zeros": None if form == "torch" else _zeros(_stored_weights(output / "model.onnx")),
        "exact": variant.precision == "fp32",
        "unproved": proof["reasons"],
    }


def _exported(run: Path, output: Path, form: str, precision: str, data: str, limit: int | None) -> dict[str, Any]:
    """The proof of an export that was made in a process of its own: torch exports no LSTM after one has run."""
    options = [f"--run={run}", f"--output={output}", f"--data={data}", form, precision]
    if limit is not None:
        options.append(f"--limit={limit}")
    command = [sys.executable, str(CLI), "export", *options]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    if not (output / PROOF).is_file():
        raise RunFailedError(f"{output.name} was not exported (exit code {code})")
    proof: dict[str, Any] = json.loads((output / PROOF).read_text(encoding="utf-8"))
    return proof


def _weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in model.parameters() if parameter.ndim > 1]


def _stored_weights(path: Path) -> list[np.ndarray]:
    stored = onnx.load(path).graph.initializer
    return [numpy_helper.to_array(tensor) for tensor in stored if len(tensor.dims) > 1]


def _zeros(weights: list[np.ndarray]) -> float:
    """Share of the weights that are zero, 0…1."""
    return float(sum((weight == 0).sum() for weight in weights) / sum(weight.size for weight in weights))


def _time(rows: list[Row], source: SplitData, folder: Path) -> None:
    test = list(batches(source, "test", limit=2000))
    inputs = folder / TRAINING / "inputs.pt"
    inputs.parent.mkdir(exist_ok=True)
    torch.save(list(test[len(test) // 2].inputs), inputs)  # of texts, which come by length, those in the middle
    for row, taken in zip(rows, race([folder / row["name"] for row in rows], inputs), strict=True):
        row["latency_ms"] = taken


def _report(rows: list[Row], headline: Headline, name: str, data: str, max_drop: float, folder: Path) -> int:
    chosen = recommended(rows, max_drop, headline)
    found = shortcomings(rows, chosen, max_drop, headline)
    ledger = {
        "schema": SCHEMA,
        "experiment": name,
        "data": data,
        "headline": headline._asdict(),
        "max_drop": max_drop,
        "recommended": chosen["name"],
        "shortcomings": found,
        "variants": rows,
    }
    (folder / LEDGER).write_text(json.dumps(ledger, indent=1) + "\n", encoding="utf-8")
    plot(rows, chosen, f"{name} on {data}", folder / "pareto.png", headline)
    print_table(rows, chosen, headline)
    lost, unit = lost_by(rows, chosen, "test", headline), headline.unit.partition(" of ")[0]
    print(f"recommended  {chosen['name']}: the fastest that keeps within {max_drop} {unit} on the validation split")
    print(f"             {lost:+.2f} {unit} lost on the test split; {shown(folder)}/{LEDGER}, pareto.png")
    for reason in found:
        print(f"FAILED       {reason}")
    return 1 if found else 0
