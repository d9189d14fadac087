"""Per-class results of a run, and notes for a person where accuracy misleads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from datamodules.sources.source import first_few
from lightsmith.records.per_class import per_class_figures
from lightsmith.terminal import counted

LARGE_SHARE = 2 / 3  # of one class among the items, from which on accuracy says little
FEW_ITEMS = 5  # of a class: with fewer, one item moves its recall by more than 20 points
SHOWN_CLASSES = 5
ADVICE = "--model.class_weights=balanced with --monitor=val/f1 lets rare classes count."


def class_results(counts: Tensor | None, class_names: Sequence[str]) -> dict[str, Any]:
    """The part of results.json about single classes; empty if no callback counted them.

    Args:
        counts: int64 (classes, classes), rows are true classes, columns predicted ones.
    """
    if counts is None or not counts.sum():
        return {}
    items = counts.sum(1)
    share = round(float(items.max() / items.sum()), 6)
    return {
        "majority": {"class": class_names[int(items.argmax())], "share": share},
        "per_class": per_class_figures(counts, class_names),
    }


def class_rows(results: dict[str, Any]) -> dict[str, str]:
    """The lines to print below the test figures, by their titles."""
    rows = {}
    best = results.get("best", {})
    if best.get("value") is not None:
        rows["best"] = f"epoch {best['epoch']} of {results['fit']['epochs']}, by {best['metric']} {best['value']:.4f}"
    classes = results.get("per_class", [])
    if tested := [figures for figures in classes if figures["n"]]:
        rows["weakest"] = _weakest(tested)
    if note := _note(results):
        rows["note"] = note
    if few := [figures for figures in classes if figures["n"] < FEW_ITEMS]:
        rows["few items"] = _few(few)
    return rows


def _weakest(tested: Sequence[dict[str, Any]]) -> str:
    weakest = min(tested, key=lambda figures: figures["f1"])
    figures = ", ".join(f"{name} {weakest[name]:.4f}" for name in ("precision", "recall", "f1"))
    return f"class {weakest['class']!r}: n {weakest['n']}, {figures}; all classes are in results.json"


def _note(results: dict[str, Any]) -> str:
    """Say that accuracy misleads; empty where it does not."""
    if "majority" not in results:
        return ""
    name, share = results["majority"]["class"], results["majority"]["share"]
    always = f"always saying {name!r} would be right in {share:.1%} of the test items"
    if share >= LARGE_SHARE:
        weigh = "" if results["model"].get("class_weights") else f" {ADVICE}"
        return f"{always}, so accuracy says little. Look at recall (balanced accuracy) and f1.{weigh}"
    return f"{always}, and accuracy is not above that" if results["test"]["accuracy"] <= share else ""


def _few(classes: Sequence[dict[str, Any]]) -> str:
    rarest = sorted(classes, key=lambda figures: figures["n"])
    shown = first_few([f"{figures['class']!r} {figures['n']}" for figures in rarest], SHOWN_CLASSES)
    if len(classes) == 1:
        return f"class {rarest[0]['class']!r} has {counted(rarest[0]['n'], 'test item')}: its figures say little"
    return f"{len(classes)} classes have fewer than {FEW_ITEMS} test items ({shown}): their figures say little"
