"""README.md of an exported folder, and predict.py: what the model is, how good, and how to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from datamodules.preprocessing import Preprocessing
from lightsmith.exports.card_preprocessing import words
from lightsmith.exports.predict_script import SCRIPT, example, install_line, predict_script
from lightsmith.exports.proof import largest_difference, verdict
from lightsmith.records.results import FILE, read_results
from lightsmith.records.summary import figures_of

CARD = """# {name}, {precision}

| | |
|---|---|
{rows}

{use}

{words}

`preprocessing.json` has these settings, {meaning}.

In Lightsmith: `make predict RUN=<this folder> INPUT=<file or folder>` (model.onnx only).
"""
# What the output means, by the kind of task.
MEANINGS = {
    "classification": "`class_names.json` what the logits mean, in order",
    "masked_language_model": "and an output is the surprise at a text's hidden tokens, in nats, and their number",
    "regression": "`answer.json` what the output is multiplied by, what is added to it, and the reach of the interval",
    "autoencoder": "`answer.json` how many latents stand behind the logits of the pixels",
}
SCRIPT_USE = """`predict.py` does all of it, without Lightsmith:

```
{install}
{example}
```"""
MODULE_USE = """```python
{code}
```"""
INT8_USE = """On an x86 processor without VNNI, ONNX Runtime cuts int8 products off unless it is told not to. Lightsmith
tells it, as `predict.py` does; code of your own has to:
`options.add_session_config_entry("session.x64quantprecision", "1")`."""
# By format; there is no item to begin with, so the inputs are of the shapes that the file names.
MODULE_CODE = {
    "onnx": """import numpy as np
import onnxruntime

types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
session = onnxruntime.InferenceSession("model.onnx")
inputs = {value.name: np.zeros([1, *value.shape[1:]], types[value.type]) for value in session.get_inputs()}
(outputs,) = session.run(None, inputs)""",
    "torch": """import torch

program = torch.export.load("model.pt2")
inputs, _ = program.example_inputs
outputs = program.module()(*inputs)""",
}


class RunFacts(NamedTuple):
    """The card's facts about the run: the name of its experiment, and rows by their titles."""

    name: str
    rows: dict[str, str]


def run_facts(run: Path) -> RunFacts:
    """Gather the facts of a run from its results.json; few where there is only a checkpoint.

    Raises:
        ValueError: the file is not what a run writes.
    """
    if not (run / FILE).is_file():
        return RunFacts("A Lightsmith model", {})
    results = read_results(run)
    rows = {
        "network": f"{results.model.class_}, {results.model.parameters:,} parameters",
        "trained on": f"{results.data.train:,} items, fingerprint {results.data.fingerprint}",
        "test of the run": ", ".join(figures_of(results.test.flat)),
    }
    return RunFacts(results.experiment, rows)


def write_card(folder: Path, proof: dict[str, Any], facts: RunFacts, preprocessing: Preprocessing) -> None:
    """Write README.md of an exported folder, and predict.py, the script that it describes."""
    rows, task = {**facts.rows, **_proof_rows(proof)}, proof.get("task", "classification")
    script = predict_script(proof["format"], preprocessing, task)
    content = CARD.format(
        name=facts.name,
        precision=proof["precision"],
        rows="\n".join(f"| {title} | {text} |" for title, text in rows.items()),
        use=_use(proof["format"], proof["precision"], preprocessing.kind, script is not None),
        words=words(preprocessing),
        meaning=MEANINGS.get(task, "`answer.json` what the output means"),
    )
    (folder / "README.md").write_text(content, encoding="utf-8")
    if script is not None:
        (folder / SCRIPT).write_text(script, encoding="utf-8")


def _proof_rows(proof: dict[str, Any]) -> dict[str, str]:
    metric = proof.get("headline", "accuracy")
    output, difference = largest_difference(proof)
    agreement = f"{proof['argmax_agreement']:.3%} of the classes agree, " if "argmax_agreement" in proof else ""
    return {
        "test of this file": f"{metric} {proof[metric]:.4f} on {proof['items']:,} items",
        "against its checkpoint": f"{agreement}{output} within {difference:.1e}",
        "proof": verdict(proof),
        "size": f"{proof['bytes']:,} bytes",
        "sha256": proof["sha256"],
    }


def _use(format: str, precision: str, kind: str, scripted: bool) -> str:  # noqa: A002
    """Explain how to get from an item to a prediction, by a script where there is one."""
    if not scripted:
        use = MODULE_USE.format(code=MODULE_CODE[format])
    else:
        use = SCRIPT_USE.format(install=install_line(format, kind), example=example(kind))
    return f"{use}\n\n{INT8_USE}" if precision == "int8" else use
