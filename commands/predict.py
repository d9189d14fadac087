"""`predict`: class probabilities for new images or texts, from a run folder alone."""

from __future__ import annotations

from pathlib import Path

from tqdm.auto import tqdm

from lightsmith.predictions.file import FOLDER, check_output, check_top, free_path, predictions_file, writable_home
from lightsmith.predictions.reading_options import read_otherwise
from lightsmith.predictions.rows import PredictionRows
from lightsmith.predictions.trained_model import TrainedModel, ask, load_trained
from lightsmith.terminal import printable


def predict(
    run: Path,
    input: Path | None = None,  # noqa: A002  # the option is --input
    text: str = "",  # not optional: the parser would take "#1" or "null" for nothing
    output: Path | None = None,
    text_column: str | list[str] | None = None,
    top: int | None = None,
    latents: bool = False,
    threshold: float | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    quotes: bool | None = None,
) -> int:
    """Classify images (a file or folder) or texts (.txt with one a line, a table, or a folder of them), or one text.

    Writes one row per input, in order: item, prediction and probabilities by class name; or item and error for one that
    cannot be read. What a folder holds besides is left out, and named.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, a .ckpt file, or a folder that ``export`` wrote.
        input: what to classify.
        text: a text to classify instead; what is said of it is printed.
        output: where to write: a .jsonl file with a JSON object a line, or a .csv file. By default a new file in the
            run's folder, named after the input; of a text nothing is written.
        text_column: the column of a table that holds the texts, or several, as in subject,body; as in training when
            unset.
        top: write this many of the most probable classes; when unset all, but five if there are more than a hundred.
        latents: write an autoencoder's latents too.
        threshold: predict no class where the most probable one is less probable than this, 0…1; its report has the
            risk that each threshold leaves.
        delimiter: of a CSV file; this and the next three as in training when unset, where most is recognised.
        encoding: of a text, CSV or JSON file.
        header: whether the first line of a CSV file names the columns.
        quotes: whether quotes in a CSV file enclose a field.

    Returns:
        Exit code: 0, or 1 if there was not an input that could be read.

    Raises:
        ValueError: no such run or input, nothing in it to classify, or an output that cannot be written.
        RunFailedError: the output could not be written.
    """
    _check_given(input, text, output, top)
    model = _load_for(run, text, top, latents, threshold)
    written = {"delimiter": delimiter, "encoding": encoding, "header": header, "quotes": quotes}
    read_otherwise(model.data, {"text_column": text_column, **written})
    if input is None:
        return _predict_text(model, text, output)
    return _predict_inputs(model, input, output or _new_output(run, input))


def _load_for(run: Path, text: str, top: int | None, latents: bool, threshold: float | None) -> TrainedModel:
    """Load a trained model that takes what is asked of it, and answers as is asked.

    Raises:
        ValueError: there is none, it takes no texts, or it knows no classes or no latents.
    """
    model = load_trained(run)
    answer = model.answer.limited(top)
    if threshold is not None:
        answer = answer.above(threshold)
    model = model._replace(answer=answer.with_latents() if latents else answer)
    if text and not hasattr(model.data, "text_columns"):
        raise ValueError(f"--text={text} is for texts; this model does not take them")
    return model


def _predict_inputs(model: TrainedModel, input: Path, output: Path) -> int:  # noqa: A002
    """Write a row for each input and say what the rows hold; 0, or 1 if none could be read."""
    with predictions_file(output, model.answer) as file:
        rows = PredictionRows(file, input, output)
        bar = tqdm(model.data.read_inputs(input), "Classifying", unit=" inputs", leave=False, delay=1, disable=None)
        for answers in ask(model, bar):
            rows.write(answers)
        rows.check_any()
    rows.say()
    return 0 if rows.classified else 1


def _check_given(given: Path | None, text: str, output: Path | None, top: int | None) -> None:
    """Refuse what cannot be asked for, before a model is loaded.

    Raises:
        ValueError: naming the option.
    """
    if (given is None) == (not text):
        raise ValueError("classify what? give --input=<file or folder>, or --text=<a text>, but not both")
    if given is not None and not given.exists():
        raise ValueError(f"--input={given} does not exist")
    if output is not None:
        check_output(output, given)
    check_top(top)


def _new_output(run: Path, given: Path) -> Path:
    """A file in the run's folder that is not there yet, named after what is classified.

    Raises:
        ValueError: nothing can be written there.
    """
    home = writable_home(run, ": name a file that can by --output")
    return free_path(home / FOLDER, given.resolve().name or "inputs", ".jsonl")


def _predict_text(model: TrainedModel, text: str, output: Path | None) -> int:
    """Print what is said of one text, and write it if asked for.

    Raises:
        ValueError: it holds no text.
    """
    (answers,) = ask(model, [("text", text)])
    if answers.reasons:
        raise ValueError(f"--text={text!r} holds {answers.reasons[0]}")
    (prediction,) = answers.predictions
    if output is not None:
        with predictions_file(output, model.answer) as file:
            file.write(text, prediction)
    print("\n".join(map(printable, model.answer.shown(prediction))))
    return 0
