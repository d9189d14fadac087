"""`evaluate`: how well a trained model does on labelled data other than its own test split."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from datamodules.batches.encoded_cache import sha256
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.exports.folder import write_json
from lightsmith.predictions.evaluation import EVALUATIONS, Evaluation
from lightsmith.predictions.file import free_path, is_writable, predictions_file, writable_home
from lightsmith.predictions.labelled_items import LabelledItems, choose_items
from lightsmith.predictions.reading_options import as_called_here, read_otherwise
from lightsmith.predictions.trained_model import TrainedModel, ask, load_trained, model_file
from lightsmith.records.summary import figures_of
from lightsmith.terminal import printable, shown

SCHEMA = 1
FOLDER = "evaluations"  # in a run's
SHOWN_CLASSES = 10


def evaluate(
    run: Path,
    data: str,
    split: str | None = None,
    output: Path | None = None,
    text_column: str | list[str] | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    quotes: bool | None = None,
) -> None:
    """Test a trained model on labelled data, all of it: nothing is set aside, and the run's own results stay.

    Writes a folder with results.json, which has the figures of each class too, and predictions.jsonl.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, a .ckpt file, or a folder that ``export`` wrote.
        data: a labelled file or folder; or sample or hub.
        split: which to take of data that has several: train, val, test, or all.
        output: the folder to write, which must not exist; when unset, a new one in the run's, named after the data.
        text_column: column of a table that holds the texts, or several, as in subject,body; as in training when unset.
        image_column: the one that holds the images.
        label_column: the one that holds the labels.
        delimiter: of a CSV file; this and the next three as in training when unset, where most is recognised.
        encoding: of a CSV or JSON file.
        header: whether the first line of a CSV file names the columns.
        quotes: whether quotes in a CSV file enclose a field.

    Raises:
        ValueError: no such run or data, classes that the model does not know, several splits of which none is chosen,
            not an item that can be read, or a folder that cannot be written.
        RunFailedError: the disk cannot be written.
    """
    model = _load_labelled(run)
    columns = {"text_column": text_column, "image_column": image_column, "label_column": label_column}
    written = {"delimiter": delimiter, "encoding": encoding, "header": header, "quotes": quotes}
    read_otherwise(model.data, {**columns, **written})
    folder = _new_folder(run, data, output)
    model.data.source = data
    model.data.group_column = None  # nothing is cut, so nothing has to stay together
    with as_called_here():
        items = choose_items(model.data.found, split, model.answer)
    _print(items.lines(model.answer))
    with _whole(folder) as draft:
        evaluation = _ask_all(model, items, draft / "predictions.jsonl")
        results = _results(run, model, items, evaluation)
        write_json(draft / "results.json", results)
    _print(_result_lines(results, evaluation.skipped, folder))


def _load_labelled(run: Path) -> TrainedModel:
    """Load a trained model that learns from labels.

    Raises:
        ValueError: it does not, or there is none.
    """
    model = load_trained(run)
    if model.answer.kind not in EVALUATIONS:
        raise ValueError(f"evaluate compares with labels, from which the model of {run} does not learn")
    return model


def _results(run: Path, model: TrainedModel, items: LabelledItems, evaluation: Evaluation) -> dict[str, Any]:
    """Assemble the content of results.json (docs/results.md)."""
    return {
        "schema": SCHEMA,
        "model": {"file": str(shown(model_file(run).resolve())), "sha256": sha256(model_file(run))},
        "data": {
            "source": model.data.source,
            "split": items.split,
            **({"classes": list(model.answer.class_names)} if isinstance(model.answer, ClassProbabilities) else {}),
            "skipped": _listed([*items.skipped, *evaluation.skipped]),
            "ignored": _listed(items.ignored),
        },
        "task": model.answer.kind,
        "test": evaluation.figures(),
        "per_class": evaluation.per_class(),
    }


def _new_folder(run: Path, data: str, output: Path | None) -> Path:
    """The folder to write, which is not there yet.

    Raises:
        ValueError: it is there, or cannot be made.
    """
    if output is None:
        home = writable_home(run, ": name a folder to make by --output")
        return free_path(home / FOLDER, Path(data).resolve().name or "data")
    if output.exists():
        raise ValueError(f"--output={output} exists: remove it, or name another folder")
    if not is_writable(output.resolve().parent):
        raise ValueError(f"--output={output}: {output.parent} cannot be written, or is not there")
    return output.resolve()


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name at the end, with all that was written into it."""
    draft, made = folder.with_name(f".{folder.name}-{os.getpid()}"), not folder.parent.exists()
    draft.mkdir(parents=True)
    try:
        yield draft
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if made:
            with suppress(OSError):  # it is not empty: all went well
                folder.parent.rmdir()


def _ask_all(model: TrainedModel, items: LabelledItems, output: Path) -> Evaluation:
    """Classify every item, and write what was said of it.

    Raises:
        ValueError: not one of them can be read.
    """
    answer = model.answer.limited(None)
    with predictions_file(output, answer) as file:
        evaluation = EVALUATIONS[answer.kind](answer, file)
        bar = tqdm(items, "Evaluating", unit=" items", leave=False, delay=1, disable=None)
        done = 0
        for answers in ask(model, bar, items.labels):
            evaluation.add(answers, items.labels[done : done + len(answers.inputs)])
            done += len(answers.inputs)
    if not evaluation.n:
        item, reason = evaluation.skipped[0]
        raise ValueError(f"none of {len(items):,} items can be read: the first is {item} ({reason})")
    return evaluation


def _listed(left_out: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"item": item, "reason": reason} for item, reason in left_out]


def _result_lines(results: dict[str, Any], unreadable: list[tuple[str, str]], folder: Path) -> list[str]:
    """The figures, those of each class, and where they are."""
    lines = [
        f"test       {'  '.join(figures_of(results['test']))}",
        *(f"           {line}" for line in _class_table(results)),
        f"written    {shown(folder)}/  (results.json, predictions.jsonl)",
    ]
    if unreadable:
        lines.insert(0, f"skipped    {len(unreadable):,} items that cannot be read")
    return lines


def _class_table(results: dict[str, Any]) -> list[str]:
    """The figures of each class; of many, of the ten that are recognised worst."""
    if not results["per_class"]:
        return []
    rows = [row for row in results["per_class"] if row["n"]]
    worst = sorted(rows, key=lambda row: row["f1"])[:SHOWN_CLASSES] if len(rows) > SHOWN_CLASSES else rows
    width = max(len(row["class"]) for row in worst)
    table = [f"{'class':<{width}}  {'n':>7}  precision  recall      f1"]
    table += [
        f"{row['class']:<{width}}  {row['n']:>7,}  {row['precision']:>9.4f}  {row['recall']:.4f}  {row['f1']:.4f}"
        for row in worst
    ]
    if len(rows) > len(worst):
        table.append(f"the {len(worst)} of {len(rows):,} classes with the lowest f1; all are in results.json")
    return table


def _print(lines: list[str]) -> None:
    print("\n".join(map(printable, lines)))
