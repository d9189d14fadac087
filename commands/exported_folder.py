"""The folder that `export` writes: everything that is needed to use a model, without the run and its data.

model.onnx or model.pt2, preprocessing.json, class_names.json, for texts tokenizer.json, proof.json, and README.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor

from commands.onnx_network import OnnxNetwork
from datamodules.mnist import MNIST
from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.transfer_images import TransferImages

ONNX_FILE, TORCH_FILE = "model.onnx", "model.pt2"
PREPROCESSING, CLASS_NAMES, TOKENIZER, PROOF = "preprocessing.json", "class_names.json", "tokenizer.json", "proof.json"
LARGEST = {"image_size_px": 10_000, "resize_px": 10_000, "max_tokens": 100_000, "head_tokens": 100_000}


def write_preprocessing(folder: Path, data: Any, class_names: list[str]) -> dict[str, Any]:
    """Write what turns a file or a text into the model's input, and what its outputs are called; returns the first."""
    if data.kind == "text":
        settings: dict[str, Any] = {"kind": "text", "max_tokens": data.max_tokens, "head_tokens": data.head_tokens}
        (folder / TOKENIZER).write_text(data.tokenizer.to_str(), encoding="utf-8")
    else:
        settings = {
            "kind": "image",
            "channels": data.channels,
            "image_size_px": data.image_size_px,
            "resize_px": data.stored_size_px,
        }
    write_json(folder / PREPROCESSING, settings)
    write_json(folder / CLASS_NAMES, class_names)
    return settings


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON, in UTF-8."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def is_exported(folder: Path) -> bool:
    """Whether a folder is meant to be one that `export` wrote, rather than a run's."""
    return folder.is_dir() and any((folder / name).exists() for name in (PREPROCESSING, PROOF, ONNX_FILE, TORCH_FILE))


def load_exported(folder: Path) -> tuple[Callable[..., Tensor], Any, list[str]]:
    """The model, a data module that only preprocesses, and the class names of an exported folder.

    Raises:
        ValueError: something is missing from the folder or is not what `export` wrote there.
    """
    if (folder / TORCH_FILE).exists() and not (folder / ONNX_FILE).exists():
        raise ValueError(f"{folder} holds {TORCH_FILE}, which is for torch.export.load: export with FORMAT=onnx")
    try:
        content = (folder / ONNX_FILE).read_bytes()
        if hashlib.sha256(content).hexdigest() != _read(folder / PROOF, dict).get("sha256"):
            raise ValueError(f"{ONNX_FILE} is not the file that {PROOF} is about")
        network = OnnxNetwork(content)
        names = _read(folder / CLASS_NAMES, list)
        distinct = {name for name in names if isinstance(name, str)}
        if not len(distinct) == len(names) == network.classes:
            raise ValueError(f"{CLASS_NAMES} does not name the model's {network.classes} classes")
        return network, _preprocessing(folder), names
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} cannot be used: {error}; export the run again") from error


def _read(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON") from error
    if not isinstance(content, kind):
        raise ValueError(f"{path.name} holds no {kind.__name__}")
    return content


def _preprocessing(folder: Path) -> Any:
    """A data module, any of its kind: they differ in where they find data, not in what they make of it."""
    settings = _read(folder / PREPROCESSING, dict)
    sizes = {name: value for name, value in settings.items() if name in LARGEST}
    for name, value in sizes.items():
        if type(value) is not int or not 1 <= value <= LARGEST[name]:
            raise ValueError(f"{PREPROCESSING} has {name}={value}, which must lie in 1…{LARGEST[name]}")
    sized = {"image_size_px", "resize_px"} <= sizes.keys()
    if settings.get("kind") == "image" and settings.get("channels") in (1, 3) and sized:
        data: Any = (MNIST if settings["channels"] == 1 else TransferImages)(**sizes, cache=False)
    elif settings.get("kind") == "text" and {"max_tokens", "head_tokens"} <= sizes.keys():
        data = ReviewWordPieces(max_tokens=sizes["max_tokens"], cache=False)
        data.head_tokens = min(sizes["head_tokens"], data.max_tokens - 1)
        data.tokenizer = _tokenizer(folder / TOKENIZER)
    else:
        raise ValueError(f"{PREPROCESSING} describes neither images of 1 or 3 channels nor texts")
    return data


def _tokenizer(path: Path) -> Tokenizer:
    text = path.read_text(encoding="utf-8")
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower class
        raise ValueError(f"{path.name} is no tokenizer") from error
