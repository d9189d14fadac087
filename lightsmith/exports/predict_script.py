"""predict.py of an exported folder: says of images or texts what `make predict` does, without Lightsmith."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import numpy as np

from datamodules.preprocessing import ModulePreprocessing, Preprocessing
from lightsmith.exports.card_preprocessing import preprocess_image, preprocess_text

SCRIPT = "predict.py"
CODE = '''"""{does} {items} with the model in this folder, without Lightsmith.

    {install}
    {example}

prints a JSON object for each: item, {words}. From Python:
`from predict import {function}`, then `{function}({argument})`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

{imports}

FOLDER = Path(__file__).parent
settings = json.loads((FOLDER / "preprocessing.json").read_text(encoding="utf-8"))
{meaning}
{load}


{preprocess}

def {function}(item: str) -> dict[str, Any]:
    """{returns}"""
    {encode}
    {ask}
    {answer}


{helper}def main(items: list[str]) -> int:
    """Exit code: 0, or 1 if there is not an item that can be read."""
    readable = False
    for item in items:
        row: dict[str, Any] = {{"item": item}}
        try:
            found = {function}(item)
        except Exception as error:  # decoders raise anything
            row["error"] = str(error)
        else:
            readable = True
            {row}
        print(json.dumps(row, ensure_ascii=False))
    return 0 if readable else 1


if __name__ == "__main__":
    sys.exit(main({arguments}))
'''
# What differs by the kind of task.
ANSWERS = {
    "classification": {
        "does": "Classify",
        "words": "prediction, and the probability of each class, most probable first",
        "function": "probabilities",
        "meaning": 'class_names = json.loads((FOLDER / "class_names.json").read_text(encoding="utf-8"))',
        "returns": "The probability of each class, most probable first.",
        "answer": """shares = softmax(outputs[0]).tolist()
    return dict(sorted(zip(class_names, shares, strict=True), key=lambda pair: -pair[1]))""",
        "row": """row["prediction"] = next(iter(found))
            row["probabilities"] = {name: round(share, 6) for name, share in found.items()}""",
    },
    "regression": {
        "does": "Read values off",
        "words": "value, low and high, between which 90% of the true values lie",
        "function": "predict",
        "meaning": 'answer = json.loads((FOLDER / "answer.json").read_text(encoding="utf-8"))',
        "returns": "The value, and the ends of its interval if that is known.",
        "answer": """value = float(outputs[0, 0]) * answer["deviation"] + answer["mean"]
    reach = answer["half_width"]
    return {"value": value, **({} if reach is None else {"low": value - reach, "high": value + reach})}""",
        "row": "row |= found",
    },
    "masked_language_model": {
        "does": "Score",
        "words": "mean surprise at the hidden tokens in nats (loss), perplexity, and the number of these tokens",
        "function": "score",
        "meaning": "",
        "returns": "The mean surprise at the hidden tokens, in nats, the perplexity, and the number of these tokens.",
        "answer": """nats, tokens = outputs[0].tolist()
    loss = nats / max(tokens, 1)
    return {"loss": loss, "perplexity": float(np.exp(loss)), "hidden_tokens": int(tokens)}""",
        "row": "row |= found",
    },
    "autoencoder": {
        "does": "Reconstruct",
        "words": "reconstruction error, and latents",
        "function": "reconstruct",
        "meaning": 'answer = json.loads((FOLDER / "answer.json").read_text(encoding="utf-8"))',
        "returns": "The mean squared difference of a pixel in 0…1, and the latents.",
        "answer": """pixels = image.reshape(-1) / 255.0
    made = (1 + np.tanh(outputs[0, : len(pixels)] / 2)) / 2
    latents = outputs[0, len(pixels) :][: answer["latents"]]
    return {"reconstruction_error": float(np.square(made - pixels).mean()), "latents": latents.tolist()}""",
        "row": "row |= found",
    },
}
KINDS = {
    "image": {
        "items": "images",
        "example": "python predict.py photo.jpg another.png",
        "argument": '"photo.jpg"',
        "arguments": "sys.argv[1:]",
        "encode": "image = preprocess_image(item, settings)",
    },
    "text": {
        "items": "texts",
        "example": 'python predict.py "A fine film." "Dull."    (or a text a line: python predict.py < texts.txt)',
        "argument": '"A fine film."',
        "arguments": "sys.argv[1:] or sys.stdin.read().splitlines()",
        "encode": "ids, mask = preprocess_text(item, tokenizer, settings)",
    },
}
TOKENIZER = 'tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))\n'
LOAD = {
    "onnx": """options = onnxruntime.SessionOptions()
# Without VNNI, an x86 processor cuts off products of int8 unless it is told not to.
options.add_session_config_entry("session.x64quantprecision", "1")
session = onnxruntime.InferenceSession(FOLDER / "model.onnx", options, providers=["CPUExecutionProvider"])""",
    "torch": 'network = torch.export.load(FOLDER / "model.pt2").module()',
}
ASK = {
    ("onnx", "image"): '(outputs,) = session.run(None, {"image": image})',
    ("onnx", "text"): '(outputs,) = session.run(None, {"input_ids": ids, "attention_mask": mask})',
    ("torch", "image"): "outputs = network(torch.tensor(image)).detach().numpy()",
    ("torch", "text"): "outputs = network(torch.tensor(ids), torch.tensor(mask)).detach().numpy()",
}
IMPORTS = {
    ("onnx", "image"): "import numpy as np\nimport onnxruntime\nfrom PIL import ExifTags, Image, ImageOps",
    ("onnx", "text"): "import numpy as np\nimport onnxruntime\nfrom tokenizers import Tokenizer",
    ("torch", "image"): "import numpy as np\nimport torch\nfrom PIL import ExifTags, Image, ImageOps",
    ("torch", "text"): "import numpy as np\nimport torch\nfrom tokenizers import Tokenizer",
}


def predict_script(
    format: str,  # noqa: A002
    preprocessing: Preprocessing,
    task: str = "classification",
) -> str | None:
    """The code of predict.py; None where only Lightsmith can read the items, or make something of what is said.

    Args:
        format: onnx or torch.
        task: the kind of task.
    """
    kind = preprocessing.kind
    if kind == ModulePreprocessing.kind or task not in ANSWERS:
        return None
    return CODE.format(
        **KINDS[kind],
        **ANSWERS[task],
        install=install_line(format, kind),
        imports=IMPORTS[format, kind],
        load=(TOKENIZER if kind == "text" else "") + LOAD[format],
        preprocess=inspect.getsource(preprocess_text if kind == "text" else preprocess_image),
        ask=ASK[format, kind],
        helper=f"{inspect.getsource(softmax)}\n\n" if task == "classification" else "",
    )


def example(kind: str) -> str:
    """The command line that calls predict.py."""
    return KINDS[kind]["example"]


def install_line(format: str, kind: str) -> str:  # noqa: A002
    """The command that installs what predict.py needs, in the versions that the model was proved with."""
    packages = ("numpy", "tokenizers" if kind == "text" else "pillow", "onnxruntime" if format == "onnx" else "torch")
    return "pip install " + " ".join(f"{name}=={version(name).partition('+')[0]}" for name in packages)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 (C,) of logits (C,)."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return exponentials / exponentials.sum()
