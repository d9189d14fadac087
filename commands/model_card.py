"""README.md of an exported folder: what the model is, how good, and how to use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from commands.summary import figures_of, shown

CARD = """# {name}, {precision}

| | |
|---|---|
{rows}

`preprocessing.json` says what an input goes through first, `class_names.json` what the logits mean, in order.

```python
{code}
```

In Lightsmith: `make predict RUN=<this folder> INPUT=<file or folder>` (model.onnx only).
"""
IMAGE_CODE = "image = np.zeros((1, {channels}, {size}, {size}), dtype=np.uint8)  # (B, C, H, W), 0…255, RGB or grey"
TEXT_CODE = """from tokenizers import Tokenizer

ids = np.array([Tokenizer.from_file("tokenizer.json").encode("A fine film.").ids])  # int64 (B, T)"""
RUN_CODE = {
    "onnx": "import numpy as np\nimport onnxruntime\n{inputs}\n"
    'logits, = onnxruntime.InferenceSession("model.onnx").run(None, {arguments})',
    "torch": "import numpy as np\nimport torch\n{inputs}\n"
    'logits = torch.export.load("model.pt2").module()({arguments})',
}
ARGUMENTS = {
    ("onnx", "image"): '{"image": image}',
    ("onnx", "text"): '{"input_ids": ids, "attention_mask": np.ones_like(ids)}',
    ("torch", "image"): "torch.from_numpy(image)",
    ("torch", "text"): "torch.from_numpy(ids), torch.ones(ids.shape, dtype=torch.int64)",
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


def write_card(folder: Path, proof: dict[str, Any], facts: RunFacts, preprocessing: dict[str, Any]) -> None:
    """Write the card.

    Args:
        preprocessing: as in preprocessing.json.
    """
    rows = {**facts.rows, **_proof_rows(proof)}
    content = CARD.format(
        name=facts.name,
        precision=proof["precision"],
        rows="\n".join(f"| {title} | {text} |" for title, text in rows.items()),
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


def _code(format: str, preprocessing: dict[str, Any]) -> str:  # noqa: A002
    kind = preprocessing["kind"]
    size = {"channels": preprocessing.get("channels"), "size": preprocessing.get("image_size_px")}
    inputs = TEXT_CODE if kind == "text" else IMAGE_CODE.format(**size)
    return RUN_CODE[format].replace("{inputs}", inputs).replace("{arguments}", ARGUMENTS[format, kind])
