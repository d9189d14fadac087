"""Finding the training, validation and test splits among folders, by their names and by what is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from datamodules.sources.folders.folder_tree import Folder
from datamodules.sources.folders.split_names import HELD_OUT, WORDS, missing_split
from datamodules.sources.source import first_few

# What a name may say besides the split: training_set, test-images, ValData.
BESIDES = (
    "set",
    "sets",
    "data",
    "dataset",
    "images",
    "imgs",
    "img",
    "photos",
    "pictures",
    "split",
    "folder",
    "samples",
)
LONG_NAMES = {"train": "training", "val": "validation", "test": "test"}
SHOWN_NAMES = 5


def find_split_folders(
    root: Folder, wanted: bool | None, notes: list[str], ignored: list[tuple[str, str]]
) -> dict[str, Folder]:
    """The folder of each split in ``root``; none where its folders are classes.

    A split holds the folders of classes, and a class holds images: a class may be called train.

    Args:
        wanted: whether the folders are splits, where the person has said so.
        notes: what a person should know of it is added.
        ignored: folders beside the splits are added, with the reason.

    Raises:
        ValueError: they can be either, or two folders would be the same split.
    """
    named = {} if wanted is False else _named_as_splits(root.folders)
    settled = {id(folder) for found in named.values() for folder in found}
    others = [folder for folder in root.filled if id(folder) not in settled]
    if not wanted and not _are_splits(root, named, others):
        if wanted is None:
            _check_not_both(root)
        return {}
    ignored += [(folder.path, "not named as a split") for folder in others]
    _settle_held_out(named, notes, ignored)
    for split, found in named.items():
        if len(found) > 1:
            raise ValueError(
                f"in data.source={root.path!r}, {' and '.join(folder.name for folder in found)} would both be the "
                f"{LONG_NAMES[split]} split: put them together, or move one of them elsewhere"
            )
    if "train" not in named:
        there = ", ".join(sorted(named)) or listed(root.folders)
        raise ValueError(f"data.source={root.path!r} has {there} but no train folder beside it")
    return {split: named[split][0] for split in LONG_NAMES if split in named}


def names_split(name: str) -> bool:
    """Return whether a folder's name says that it holds a split."""
    return _split_word(name) in [((), split) for split in (*LONG_NAMES, HELD_OUT)]


def listed(folders: Sequence[Folder]) -> str:
    """The names of folders in one line; of many, the first."""
    return first_few([folder.name for folder in folders], SHOWN_NAMES)


def _named_as_splits(folders: Sequence[Folder]) -> dict[str, list[Folder]]:
    """Folders by the split that their name says; a prefix, as in seg_train, if train and another split share it."""
    by_prefix: dict[tuple[str, ...], dict[str, list[Folder]]] = {}
    for folder in folders:
        prefix, split = _split_word(folder.name)
        if split:
            by_prefix.setdefault(prefix, {}).setdefault(split, []).append(folder)
    shared = (found for found in by_prefix.values() if "train" in found and len(found) > 1)
    return by_prefix.get(()) or next(shared, {})


def _split_word(name: str) -> tuple[tuple[str, ...], str]:
    """The words before the one that names a split, and the split; empty for a name without one."""
    words = [word for word in re.findall(r"[^\W\d_]+", name.casefold()) if word not in BESIDES]
    if words[-2:] in (["hold", "out"], ["held", "out"]):
        words[-2:] = ["holdout"]
    if not words:
        return (), ""
    last = re.sub(f"({'|'.join(BESIDES)})$", "", words[-1])
    return tuple(words[:-1]), WORDS.get(last, "")


def _are_splits(root: Folder, named: dict[str, list[Folder]], others: Sequence[Folder]) -> bool:
    """Return whether folders named as splits are splits, by the folders in them.

    Raises:
        ValueError: they can be either.
    """
    nested = {split: [folder for folder in found if _holds_folders(folder)] for split, found in named.items()}
    if not others or not any(nested.values()):
        return bool(named) and not others
    classes = {split: {inner.name for folder in found for inner in folder.filled} for split, found in nested.items()}
    trained = classes.pop("train", set())
    if any(trained & names for names in classes.values()):
        return True
    splits = [folder for found in nested.values() for folder in found]
    raise ValueError(
        f"in data.source={root.path!r}, {listed(splits)} may be a split, with the classes {listed(splits[0].filled)}, "
        f"or a class beside {listed(others)}: say which with --data.split_folders=true or --data.split_folders=false"
    )


def _holds_folders(folder: Folder) -> bool:
    """Return whether a folder's images all lie in folders in it."""
    return bool(folder.filled) and not folder.files


def _check_not_both(root: Folder) -> None:
    """Refuse folders that all hold the same folders: the classes, or the splits, can be either of them.

    Raises:
        ValueError: so it is.
    """
    inner = [{folder.name for folder in outer.filled} for outer in root.filled if _holds_folders(outer)]
    common = set.intersection(*inner) if inner else set()
    if not 1 < len(inner) == len(root.filled) or len(common) < 2:
        return
    named = f"in data.source={root.path!r}, {listed(root.filled)} all hold the folders {', '.join(sorted(common))}"
    if all(map(names_split, common)):
        wanted = f"{min(common)}/{root.filled[0].name}/<image>"
        raise ValueError(
            f"{named}: lay them out as {wanted}, or take all images of a class together with --data.split_folders=false"
        )
    raise ValueError(
        f"{named}: if those are the classes, rename the outer ones train, val and test; if the outer ones are, give "
        "--data.split_folders=false"
    )


def _settle_held_out(named: dict[str, list[Folder]], notes: list[str], ignored: list[tuple[str, str]]) -> None:
    """Make eval or holdout the split that is missing: the test split if both are."""
    found = named.pop(HELD_OUT, [])
    if found and (split := missing_split(named)):
        named[split] = found
        notes.append(f"{listed(found)} serves as the {LONG_NAMES[split]} split")
    elif found:
        ignored += [(folder.path, "there are a validation and a test split without it") for folder in found]
