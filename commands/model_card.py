"""README.md of an exported folder: what the model is, how good, and how to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def write_card(folder: Path, proof: dict[str, Any], results: dict[str, Any], preprocessing: dict[str, Any]) -> None:
    """Write the card.

    Args:
        results: the run's results.json, or nothing where there is only a checkpoint.
        preprocessing: as in preprocessing.json.
    """
    content = CARD.format(
        name=results.get("experiment", "A Lightsmith model"),
        precision=proof["precision"],
        rows="\n".join(f"| {title} | {text} |" for title, text in _rows(proof, results).items()),
        code=_code(proof["format"], preprocessing),
    )
    (folder / "README.md").write_text(content, encoding="utf-8")


def _rows(proof: dict[str, Any], results: dict[str, Any]) -> dict[str, str]:
    rows = {}
    if results:
        data, model, test = results["data"], results["model"], results["test"]
        rows["network"] = f"{model['class']}, {model['parameters']:,} parameters"
        rows["trained on"] = f"{data['train']:,} items, fingerprint {data['fingerprint']}"
        rows["test of the run"] = ", ".join(f"{name} {value:.4f}" for name, value in test.items())
    rows["test of this file"] = f"accuracy {proof['accuracy']:.4f} on {proof['items']:,} items"
    rows["against its checkpoint"] = (
        f"{proof['argmax_agreement']:.3%} of the classes agree, logits within {proof['largest_logit_difference']:.1e}"
    )
    rows["proof"] = "passed" if proof["passed"] else f"FAILED: {'; '.join(proof['reasons'])}"
    rows["size"] = f"{proof['bytes']:,} bytes"
    rows["sha256"] = proof["sha256"]
    return rows


def _code(format: str, preprocessing: dict[str, Any]) -> str:  # noqa: A002
    kind = preprocessing["kind"]
    size = {"channels": preprocessing.get("channels"), "size": preprocessing.get("image_size_px")}
    inputs = TEXT_CODE if kind == "text" else IMAGE_CODE.format(**size)
    return RUN_CODE[format].replace("{inputs}", inputs).replace("{arguments}", ARGUMENTS[format, kind])
