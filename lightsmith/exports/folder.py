"""The folder that `export` writes: everything that is needed to use a model, without the run and its data.

model.onnx or model.pt2, preprocessing.json, what its outputs mean (class_names.json, or answer.json for what is no
classifier), for texts tokenizer.json, proof.json, and README.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule
from torch import Tensor

from datamodules.mnist import MNIST
from datamodules.preprocessing import ImagePreprocessing, ModulePreprocessing, Preprocessing, TextPreprocessing
from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.sources.source import first_line
from datamodules.transfer_images import TransferImages
from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answer_kinds import answer_from
from lightsmith.checkpoints.content import named_class
from lightsmith.exports.onnx_network import OnnxNetwork

ONNX_FILE, TORCH_FILE = "model.onnx", "model.pt2"
PREPROCESSING, TOKENIZER, PROOF = "preprocessing.json", "tokenizer.json", "proof.json"
CLASS_NAMES, ANSWER = "class_names.json", "answer.json"


def write_preprocessing(folder: Path, preprocessing: Preprocessing, answer: Answer) -> None:
    """Write what turns a file or a text into the model's input, and what its outputs mean."""
    write_json(folder / PREPROCESSING, preprocessing.settings)
    if isinstance(preprocessing, TextPreprocessing):
        (folder / TOKENIZER).write_text(preprocessing.tokenizer, encoding="utf-8")
    if isinstance(answer, ClassProbabilities):
        write_json(folder / CLASS_NAMES, list(answer.class_names))
    else:
        write_json(folder / ANSWER, answer.settings)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON, in UTF-8."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def is_exported(folder: Path) -> bool:
    """Return whether a folder is meant to be one that `export` wrote, rather than a run's."""
    return folder.is_dir() and any((folder / name).exists() for name in (PREPROCESSING, PROOF, ONNX_FILE, TORCH_FILE))


def load_exported(folder: Path) -> tuple[Callable[..., Tensor], Any, Answer]:
    """The model, a data module that only preprocesses, and what the outputs mean, of an exported folder.

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
        answer, data = _load_answer(folder, network), _data_with(load_preprocessing(folder))
        data.follow(answer.target)
        return network, data, answer
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} cannot be used: {error}; export the run again") from error


def _load_answer(folder: Path, network: OnnxNetwork) -> Answer:
    """Read what the outputs of a network mean.

    Raises:
        OSError, ValueError: that is not said, or cannot be what this network's mean.
    """
    if (folder / ANSWER).exists() and not (folder / CLASS_NAMES).exists():
        return answer_from(_read(folder / ANSWER, dict))
    names = _read(folder / CLASS_NAMES, list)
    try:
        answer = ClassProbabilities(names)
    except ValueError:
        names = []
    if len(names) != network.width:
        raise ValueError(f"{CLASS_NAMES} does not name the model's {network.width} classes")
    return answer


def _read(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON") from error
    if not isinstance(content, kind):
        raise ValueError(f"{path.name} holds no {kind.__name__}")
    return content


def load_preprocessing(folder: Path) -> Preprocessing:
    """Read what ``write_preprocessing`` wrote.

    Raises:
        OSError, ValueError: it is missing, or cannot be used.
    """
    settings = _read(folder / PREPROCESSING, dict)
    if settings.get("kind") == TextPreprocessing.kind:
        return TextPreprocessing.restored(settings, tokenizer=(folder / TOKENIZER).read_text(encoding="utf-8"))
    if settings.get("kind") == ModulePreprocessing.kind:
        return ModulePreprocessing.restored(settings)
    return ImagePreprocessing.restored(settings)


def _data_with(preprocessing: Preprocessing) -> Any:
    """A data module, any of its kind: they differ in where they find data, not in what they make of it.

    Raises:
        ValueError: it names no data module of Lightsmith's, or options that this one does not take.
    """
    data: Any
    if isinstance(preprocessing, ModulePreprocessing):
        try:
            return named_class(preprocessing.data, LightningDataModule)(**{**preprocessing.options, "cache": False})
        except TypeError as error:
            raise ValueError(f"{PREPROCESSING}: {first_line(error)}") from error
    if isinstance(preprocessing, ImagePreprocessing):
        images = MNIST if preprocessing.channels == 1 else TransferImages
        data = images(preprocessing.image_size_px, preprocessing.resize_px, cache=False)
    else:
        data = ReviewWordPieces(cache=False)
    data.preprocessing = preprocessing
    return data
