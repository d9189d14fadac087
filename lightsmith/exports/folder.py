"""The folder that `export` writes: everything that is needed to use a model, without the run and its data.

model.onnx or model.pt2, preprocessing.json, what its outputs mean (class_names.json, or answer.json for what is no
classifier), for texts tokenizer.json, proof.json, reference.json, and README.md.
"""

from __future__ import annotations

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
from lightsmith.checkpoints.content import named_class
from lightsmith.exports.exported_files import (
    ANSWER,
    CLASS_NAMES,
    PREPROCESSING,
    TOKENIZER,
    check_onnx,
    load_answer,
    load_preprocessing,
    read_onnx,
)
from lightsmith.exports.onnx_network import OnnxNetwork


def write_preprocessing(folder: Path, preprocessing: Preprocessing, answer: Answer) -> None:
    """Write what turns a file or a text into the model's input, and what its outputs mean."""
    write_json(folder / PREPROCESSING, preprocessing.settings)
    if isinstance(preprocessing, TextPreprocessing):
        (folder / TOKENIZER).write_text(preprocessing.tokenizer, encoding="utf-8")
    if isinstance(answer, ClassProbabilities):
        write_json(folder / CLASS_NAMES, list(answer.class_names))
    else:
        write_json(folder / ANSWER, answer.settings)


def write_json(path: Path, content: object) -> None:
    """Write indented JSON, in UTF-8."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_exported(folder: Path) -> tuple[Callable[..., Tensor], Any, Answer]:
    """The model, a data module that only preprocesses, and what the outputs mean, of an exported folder.

    Raises:
        ValueError: something is missing from the folder or is not what `export` wrote there.
    """
    check_onnx(folder)
    try:
        network = OnnxNetwork(read_onnx(folder))
        answer, data = load_answer(folder, network.width), _data_with(load_preprocessing(folder))
        data.follow(answer.target)
        return network, data, answer
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} cannot be used: {error}; export the run again") from error


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
