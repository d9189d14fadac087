"""The page of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from lightsmith.records.parts import LeftOut
from lightsmith.records.results import Results, read_results
from lightsmith.reports.calibration import calibration_parts
from lightsmith.reports.classes import confusion_parts, per_class_part, read_counts
from lightsmith.reports.curves import curve_charts, read_curves
from lightsmith.reports.distributions import histogram, value_parts
from lightsmith.reports.outcomes import has_outcomes, read_class_outcomes, read_columns
from lightsmith.reports.parts import Part, Shown, facts, section, table, text
from lightsmith.reports.risk_coverage import risk_parts
from lightsmith.reports.run_list import setting
from lightsmith.reports.seen_items import data_url
from lightsmith.reports.worst_items import ERRORS, worst_parts
from lightsmith.run_folder import RECONSTRUCTIONS
from lightsmith.terminal import shown

FOOTER = "Figures are those of the run's own files, to at most seven digits. This file needs no network."
ENVIRONMENT = ("device", "precision", "strategy", "world_size", "python", "torch", "lightning", "git_commit")


def run_page(run: Path) -> dict[str, Any]:
    """The figures of the page of a finished run.

    Raises:
        ValueError: the folder is not that of a finished run.
    """
    results = read_results(run)
    curves = read_curves(run)
    charts = curve_charts(curves, results.best.epoch if results.best else None)
    sections = [
        section("Test", _test_parts(results)),
        section("Curves", charts or [text("The run has logged no metrics.")]),
        *_of_kind(run, results),
        section("Worst items", worst_parts(run, results) or [text("The run has kept none.", muted=True)]),
        section("Settings", _settings(results)),
        section("Data", _data(results)),
        section("Cost", _cost(results)),
        section("Model and machine", [_model(results)]),
    ]
    return {
        "title": f"{results.experiment}, {run.name}",
        "headline": headline(results),
        "lead": [f"{results.task.replace('_', ' ')} · seed {results.seed} · {shown(run)}"],
        "sections": sections,
        "footer": FOOTER,
    }


def headline(results: Results) -> dict[str, Any]:
    """The figure that a run is judged by, with its interval where the record has one."""
    interval = results.test.interval.get(results.headline.metric)
    return {
        "name": f"test {results.headline.metric}",
        "value": results.headline.value,
        "as": "metric",
        "interval": interval,
        "note": f"n = {results.test.n:,}, {results.headline.better} is better",
    }


def _test_parts(results: Results) -> list[Part]:
    """All figures of the test, and those of the validation that chose the tested checkpoint."""
    rows = [Shown("items", results.test.n, "count", "test.n")]
    rows += [Shown(name, value, "metric", f"test.{name}") for name, value in results.test.metrics.items()]
    for name, ends in results.test.interval.items():
        rows += [
            Shown(f"{name}, {end} end at 95%", value, "metric")
            for end, value in zip(("low", "high"), ends, strict=True)
        ]
    return [facts(rows), *_majority(results), *_best(results), *_robustness(results)]


def _majority(results: Results) -> list[Part]:
    if results.majority is None:
        return []
    name, share = results.majority.class_, results.majority.share
    return [text(f"Always saying “{name}” would be right in {share:.1%} of the test items.", muted=True)]


def _best(results: Results) -> list[Part]:
    """The epoch that was tested, and the validation that chose it."""
    best = results.best
    if best is None or best.value is None:
        return []
    epoch = Shown("best epoch", best.epoch, "count", "best.epoch")
    return [facts([epoch, Shown(str(best.metric), best.value, "metric", "best.value")])]


def _robustness(results: Results) -> list[Part]:
    rows = [
        Shown(f"robustness: {name}", value, "count" if name == "n" else "metric", f"robustness.{name}")
        for name, value in results.robustness.items()
    ]
    return [facts(rows)] if rows else []


def _of_kind(run: Path, results: Results) -> list[Part]:
    """The sections that only runs of this kind of task have."""
    if results.task == "classification":
        return _of_classes(run, results)
    if not has_outcomes(run):
        return []
    if results.task == "regression":
        return [section("Values", value_parts(run))]
    column = ERRORS.get(results.task)
    errors = {} if column is None else read_columns(run, [column])
    name = {"loss": "nats per hidden token"}.get(str(column), str(column).replace("_", " "))
    charts = [histogram(name, f"Test items by their {name}.", name, values) for values in errors.values()]
    return [section("Errors", [*charts, *_reconstructions(run)])]


def _of_classes(run: Path, results: Results) -> list[Part]:
    counts = read_counts(run, results.data.classes)
    found = [section("Classes", [*(confusion_parts(results, counts) if counts else []), per_class_part(results)])]
    if has_outcomes(run):
        outcomes = read_class_outcomes(run)
        predict = f"make predict RUN={quote(str(shown(run)))} INPUT=path/to/yours"
        found.append(section("Can its probabilities be believed?", calibration_parts(outcomes)))
        found.append(section("When should it say “don't know”?", risk_parts(outcomes, predict)))
    return [part for part in found if part["parts"]]


def _reconstructions(run: Path) -> list[Part]:
    path = run / RECONSTRUCTIONS
    if not path.is_file():
        return []
    said = "Test images, and below each what was made of it"
    return [{"kind": "picture", "image": data_url(path.read_bytes(), "image/png"), "alt": said}]


def _settings(results: Results) -> list[Part]:
    if results.settings is None:
        return [text("It is not known what differs from the experiment: its YAML could not be read.")]
    if not results.settings:
        return [text("All settings are those of the experiment.")]
    rows = [[name, setting(value)] for name, value in sorted(results.settings.items())]
    return [table("settings that differ from the experiment's", [Shown("setting"), Shown("value")], rows)]


def _data(results: Results) -> list[Part]:
    data = results.data
    rows = [Shown("source", data.source, key="data.source")]
    rows += [
        Shown(f"{split} items", getattr(data, split), "count", f"data.{split}") for split in ("train", "val", "test")
    ]
    if data.classes:
        rows.append(Shown("classes", len(data.classes), "count"))
    rows += [
        Shown(f"{name} of the training values", value, "general", f"data.values.{name}")
        for name, value in data.values.items()
    ]
    parts = [facts(rows)]
    for title, left_out in (
        ("skipped: left out of the splits", data.skipped),
        ("ignored: no items of this data", data.ignored),
    ):
        parts.append(_left_out(title, left_out))
    return parts


def _left_out(title: str, left_out: Sequence[LeftOut]) -> Part:
    """The items that were left out, with the reason of each."""
    if not left_out:
        return text(f"Nothing was {title.partition(':')[0]}.")
    return table(title, [Shown("item"), Shown("reason")], [[one.item, one.reason] for one in left_out])


def _cost(results: Results) -> list[Part]:
    fit = results.fit
    return [
        facts(
            [
                Shown("time of training", fit.seconds, "seconds", "fit.seconds"),
                Shown("training items", fit.samples_per_second, "rate", "fit.samples_per_second"),
                Shown("peak memory", fit.peak_memory_bytes, "gigabytes", "fit.peak_memory_bytes"),
                Shown("epochs", fit.epochs, "count", "fit.epochs"),
                Shown("steps", fit.steps, "count", "fit.steps"),
                Shown("items seen", fit.samples, "count", "fit.samples"),
                Shown("until the first step's end", fit.first_step_seconds, "seconds", "fit.first_step_seconds"),
            ]
        )
    ]


def _model(results: Results) -> Part:
    model, environment = results.model, results.environment
    rows = [
        Shown("model", model.class_, key="model.class"),
        Shown("parameters", model.parameters, "count", "model.parameters"),
        Shown("of these trained", model.trainable_parameters, "count", "model.trainable_parameters"),
        Shown("weights, sha256", model.weights_sha256, key="model.weights_sha256"),
    ]
    rows += [
        Shown(
            name.replace("_", " "),
            getattr(environment, name),
            "count" if name == "world_size" else "text",
            f"environment.{name}",
        )
        for name in ENVIRONMENT
    ]
    return facts(rows)
