"""Image folders: a sub-folder for each class, in folders for the splits if there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.sources import IMAGE_SUFFIXES, SPLIT_NAMES, Examples, Source, visible_entries


def load_image_folder(folder: Path) -> Source:
    """Class sub-folders of image files, either directly in ``folder`` or inside train/, val/ and test/.

    Raises:
        ValueError: no class folders, a class folder without images, or a split with a class that train lacks.
    """
    roots = _split_folders(folder) or {"train": folder}
    if "train" not in roots:
        raise ValueError(f"data.source={str(folder)!r} has {', '.join(sorted(roots))} but no train folder beside it")
    class_names = _sub_folders(roots["train"])
    if not class_names:
        raise ValueError(
            f"data.source={str(folder)!r} holds no class folders; expected {folder}/<class>/<image>, "
            f"{folder}/train/<class>/<image>, or Parquet, CSV or JSON files"
        )
    skipped: list[tuple[str, str]] = []
    splits = {split: _class_folders(root, class_names, skipped) for split, root in roots.items()}
    return Source(f"image folder {folder}", class_names, splits, skipped=skipped)


def _sub_folders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _split_folders(folder: Path) -> dict[str, Path]:
    """Sub-folders named as splits; none unless there is one for training or for testing."""
    found = {name.lower(): folder / name for name in _sub_folders(folder)}
    roots = {split: found[name] for split, names in SPLIT_NAMES.items() for name in names if name in found}
    return roots if "train" in roots or "test" in roots else {}


def _class_folders(root: Path, class_names: list[str], skipped: list[tuple[str, str]]) -> Examples:
    unknown = [name for name in _sub_folders(root) if name not in class_names]
    if unknown:
        raise ValueError(f"{root} has a class {unknown[0]!r} that the training images lack (they have {class_names})")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        files = visible_entries(root / name)
        reasons = [_reason_to_skip(p) for p in files]
        images = [p for p, reason in zip(files, reasons, strict=True) if not reason]
        skipped += [(str(p), reason) for p, reason in zip(files, reasons, strict=True) if reason]
        if not images and (root / name).is_dir():
            raise ValueError(f"class {name!r} has no images in {root / name}: add some or remove the folder")
        paths += images
        labels += [label] * len(images)
    if not paths:
        raise ValueError(f"{root} holds no class folders with images: add {root}/<class>/<image> or remove it")
    return Examples(paths, np.array(labels, dtype=np.int64))


def _reason_to_skip(path: Path) -> str:
    """Empty for an image."""
    if not path.is_file():
        return "not a file"
    return "" if path.suffix.lower() in IMAGE_SUFFIXES else f"not one of {' '.join(IMAGE_SUFFIXES)}"
