"""The files of an exported folder, and reading them with care. Nothing here needs torch; a service uses it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from datamodules.preprocessing import ImagePreprocessing, ModulePreprocessing, Preprocessing, TextPreprocessing
from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answer_kinds import answer_from

ONNX_FILE, TORCH_FILE = "model.onnx", "model.pt2"
PREPROCESSING, TOKENIZER, PROOF = "preprocessing.json", "tokenizer.json", "proof.json"
CLASS_NAMES, ANSWER = "class_names.json", "answer.json"


def is_exported(folder: Path) -> bool:
    """Return whether a folder is meant to be one that `export` wrote, rather than a run's."""
    return folder.is_dir() and any((folder / name).exists() for name in (PREPROCESSING, PROOF, ONNX_FILE, TORCH_FILE))


def read_onnx(folder: Path) -> bytes:
    """The bytes of a folder's ONNX file, which are those that its proof is about.

    Raises:
        OSError, ValueError: there is none, or it is another one.
    """
    content = (folder / ONNX_FILE).read_bytes()
    if hashlib.sha256(content).hexdigest() != read_json(folder / PROOF, dict).get("sha256"):
        raise ValueError(f"{ONNX_FILE} is not the file that {PROOF} is about")
    return content


def check_onnx(folder: Path) -> None:
    """Refuse a folder whose model ONNX Runtime does not run.

    Raises:
        ValueError: naming what to do.
    """
    if (folder / TORCH_FILE).exists() and not (folder / ONNX_FILE).exists():
        raise ValueError(f"{folder} holds {TORCH_FILE}, which is for torch.export.load: export with FORMAT=onnx")


def load_answer(folder: Path, width: int | None) -> Answer:
    """Read what the outputs of a network mean.

    Args:
        width: of an item's outputs, as ``OnnxSession.width``.

    Raises:
        OSError, ValueError: that is not said, or cannot be what this network's mean.
    """
    if (folder / ANSWER).exists() and not (folder / CLASS_NAMES).exists():
        return answer_from(read_json(folder / ANSWER, dict))
    names = read_json(folder / CLASS_NAMES, list)
    try:
        answer = ClassProbabilities(names)
    except ValueError:
        names = []
    if len(names) != width:
        raise ValueError(f"{CLASS_NAMES} does not name the model's {width} classes")
    return answer


def load_preprocessing(folder: Path) -> Preprocessing:
    """Read what ``write_preprocessing`` wrote.

    Raises:
        OSError, ValueError: it is missing, or cannot be used.
    """
    settings = read_json(folder / PREPROCESSING, dict)
    if settings.get("kind") == TextPreprocessing.kind:
        return TextPreprocessing.restored(settings, tokenizer=(folder / TOKENIZER).read_text(encoding="utf-8"))
    if settings.get("kind") == ModulePreprocessing.kind:
        return ModulePreprocessing.restored(settings)
    return ImagePreprocessing.restored(settings)


def read_json(path: Path, kind: type) -> Any:
    """Read a file of JSON whose outermost value is of this type.

    Raises:
        OSError, ValueError: it is missing, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON") from error
    if not isinstance(content, kind):
        raise ValueError(f"{path.name} holds no {kind.__name__}")
    return content
