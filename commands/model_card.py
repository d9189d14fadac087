"""README.md of an exported folder: what the model is, how good, and how to use it."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, NamedTuple

from commands.card_preprocessing import preprocess_image, preprocess_text, words
from commands.summary import figures_of, shown
from datamodules.preprocessing import ModulePreprocessing, Preprocessing

CARD = """# {name}, {precision}

| | |
|---|---|
{rows}

{words}

`preprocessing.json` has these settings, `class_names.json` what the logits mean, in order.

```python
{code}
```

In Lightsmith: `make predict RUN=<this folder> INPUT=<file or folder>` (model.onnx only).
"""
IMAGE_CODE = """import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
{runtime}
from PIL import ExifTags, Image, ImageOps


{function}

settings = json.loads(Path("preprocessing.json").read_text(encoding="utf-8"))
item = io.BytesIO()  # or the path of a file
Image.new("RGB", (640, 480), "white").save(item, "PNG")
image = preprocess_image(item, settings)
{run}"""
TEXT_CODE = """import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
{runtime}
from tokenizers import Tokenizer


{function}

settings = json.loads(Path("preprocessing.json").read_text(encoding="utf-8"))
tokenizer = Tokenizer.from_file("tokenizer.json")
ids, mask = preprocess_text("A fine film.", tokenizer, settings)
{run}"""
# By format; there is no item to begin with, so the inputs are of the shapes that the file names.
MODULE_CODE = {
    "onnx": """import numpy as np
import onnxruntime

types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}
session = onnxruntime.InferenceSession("model.onnx")
inputs = {value.name: np.zeros([1, *value.shape[1:]], types[value.type]) for value in session.get_inputs()}
(logits,) = session.run(None, inputs)""",
    "torch": """import torch

program = torch.export.load("model.pt2")
inputs, _ = program.example_inputs
logits = program.module()(*inputs)""",
}
RUNTIME = {"onnx": "import onnxruntime", "torch": "import torch"}
RUN = {
    ("onnx", "image"): '(logits,) = onnxruntime.InferenceSession("model.onnx").run(None, {"image": image})',
    ("onnx", "text"): 'inputs = {"input_ids": ids, "attention_mask": mask}\n'
    '(logits,) = onnxruntime.InferenceSession("model.onnx").run(None, inputs)',
    ("torch", "image"): 'logits = torch.export.load("model.pt2").module()(torch.tensor(image))',
    ("torch", "text"): 'logits = torch.export.load("model.pt2").module()(torch.tensor(ids), torch.tensor(mask))',
}


class RunFacts(NamedTuple):
    """What the card says of the run: the name of its experiment, and rows by their titles."""

    name: str
    rows: dict[str, str]


def run_facts(path: Path) -> RunFacts:
    """From a run's results.json; little where there is only a checkpoint.

    Raises:
        ValueError: the file is not what a run writes.
    """
    if not path.is_file():
        return RunFacts("A Lightsmith model", {})
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        data, model = results["data"], results["model"]
        rows = {
            "network": f"{model['class']}, {model['parameters']:,} parameters",
            "trained on": f"{data['train']:,} items, fingerprint {data['fingerprint']}",
            "test of the run": ", ".join(figures_of(results["test"])),
        }
        return RunFacts(str(results["experiment"]), rows)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{shown(path)} is not what a run writes: restore it or remove it") from error


def write_card(folder: Path, proof: dict[str, Any], facts: RunFacts, preprocessing: Preprocessing) -> None:
    """Write the card."""
    rows = {**facts.rows, **_proof_rows(proof)}
    content = CARD.format(
        name=facts.name,
        precision=proof["precision"],
        rows="\n".join(f"| {title} | {text} |" for title, text in rows.items()),
        words=words(preprocessing),
        code=_code(proof["format"], preprocessing),
    )
    (folder / "README.md").write_text(content, encoding="utf-8")


def _proof_rows(proof: dict[str, Any]) -> dict[str, str]:
    agreement, difference = proof["argmax_agreement"], proof["largest_logit_difference"]
    return {
        "test of this file": f"accuracy {proof['accuracy']:.4f} on {proof['items']:,} items",
        "against its checkpoint": f"{agreement:.3%} of the classes agree, logits within {difference:.1e}",
        "proof": "passed" if proof["passed"] else f"FAILED: {'; '.join(proof['reasons'])}",
        "size": f"{proof['bytes']:,} bytes",
        "sha256": proof["sha256"],
    }


def _code(format: str, preprocessing: Preprocessing) -> str:  # noqa: A002
    kind = preprocessing.kind
    if kind == ModulePreprocessing.kind:
        return MODULE_CODE[format]
    code, function = (TEXT_CODE, preprocess_text) if kind == "text" else (IMAGE_CODE, preprocess_image)
    return code.format(runtime=RUNTIME[format], function=inspect.getsource(function), run=RUN[format, kind])
