"""Image folders: a sub-folder for each class, in folders for the splits if there are any."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np

from datamodules.sources.folders.file_paths import FilePaths, Files
from datamodules.sources.folders.folder_tree import Folder, is_file, read_folder
from datamodules.sources.folders.split_folders import find_split_folders, listed, names_split
from datamodules.sources.image_signatures import begins_as_image, says_to_be_image
from datamodules.sources.source import Examples, Source

# What people put beside their images to describe them.
DESCRIPTIONS = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".pdf", ".log"),
    *(".py", ".ipynb", ".sh", ".doc", ".docx", ".xls", ".xlsx", ".ini", ".db"),
)
WITHOUT_LABELS = ("unknown", "unlabeled", "unlabelled", "unsup", "all", "images")
SHOWN_OF_A_KIND = 20  # ignored files of one ending in one folder; more are one line

Pairs = list[tuple[str, str]]
Classes = dict[str, list[Folder]]  # by their name, in Unicode's composed form


def find_images(folder: Path) -> tuple[Folder, Pairs]:
    """The images in a folder and below it, and what else is there, with the reason to ignore it.

    What is an image is told by its content, or by an ending of images: one that is broken is an item too, which its
    decoder cannot read.
    """
    ignored: Pairs = []
    return read_folder(str(folder), ignored, _reason_to_ignore), ignored


def load_image_folder(
    folder: Path, split_folders: bool | None = None, found: tuple[Folder, Pairs] | None = None
) -> Source:
    """Class sub-folders of images, either directly in ``folder`` or inside train/, val/ and test/.

    Args:
        split_folders: whether the folders in it are splits; told by their names and contents when unset.
        found: what ``find_images`` found in it; looked for when unset.

    Raises:
        ValueError: no class folders, a class without images, a split with a class that train lacks, or two readings.
    """
    notes: list[str] = []
    whole, ignored = found or find_images(folder)
    root = _unwrapped(whole, names_split)
    if root is not whole:
        notes.append(f"the classes are those in {root.path}, the only folder with images")
    roots = find_split_folders(root, split_folders, notes, ignored)
    if roots:
        _ignore_loose(root, ignored)
    classes = _classes_in(_unwrapped(roots.pop("train", root), _no_name), None, notes, ignored)
    by_split = {"train": classes}
    for split, outer in roots.items():
        inner = _unwrapped(outer, classes.__contains__)
        if not _lacks_labels(inner, classes, ignored):
            by_split[split] = _classes_in(inner, classes.keys(), notes, ignored)
    class_names = sorted(classes)
    _check_several(root, classes)
    notes += _almost_equal(class_names)
    splits = {split: _examples(of_split, class_names) for split, of_split in by_split.items()}
    return Source(f"image folder {folder}", class_names, splits, notes, ignored=_gathered(ignored))


def name_unused(source: Source, images: Folder) -> Source:
    """Add to what is ignored those images that no row of a table gives a value.

    Args:
        source: items that are paths.
        images: those that lie there.
    """
    used = {item for examples in source.splits.values() for item in examples.items}
    unused = [(path, "no row with a value names it") for path in images.paths() if Path(path) not in used]
    return replace(source, ignored=[*source.ignored, *_gathered(unused)])


def _reason_to_ignore(entry: os.DirEntry[str]) -> str | None:
    """None for an image. What a file manager hides is not worth a word, but for images."""
    hidden = entry.name.startswith(".")
    if says_to_be_image(entry.name) and not hidden:
        return None
    if not is_file(entry):
        return "" if hidden else "not a file"
    if begins_as_image(entry.path):
        return "a hidden file" if hidden else None
    return "" if hidden else "not an image"


def _no_name(name: str) -> bool:
    return False


def _unwrapped(folder: Folder, is_kept: Callable[[str], bool]) -> Folder:
    """The folder in a folder, as often as there is only one with images, and folders with images in that.

    Args:
        is_kept: whether a folder of that name stands for itself.
    """
    while len(folder.filled) == 1 and not folder.files:
        (inner,) = folder.filled
        beside = [other for other in folder.folders if other is not inner]
        if is_kept(_plain(inner)) or inner.files or not inner.filled or not all(map(_describes, beside)):
            break
        folder = inner
    return folder


def _plain(folder: Folder) -> str:
    """A folder's name as all file systems would write it."""
    return normalize("NFC", folder.name)


def _describes(folder: Folder) -> bool:
    """Return whether a folder without images holds what may describe some, and nothing else."""
    names = list(folder.all_others())
    return bool(names) and all(name.lower().endswith(DESCRIPTIONS) for name in names)


def _classes_in(root: Folder, trained: Collection[str] | None, notes: list[str], ignored: Pairs) -> Classes:
    """The folders of each class in a split.

    Args:
        trained: the classes of the training split, if this is another one.

    Raises:
        ValueError: there are none, one has no images or is a link to nowhere, or one is not among ``trained``.
    """
    _check_links(root)
    classes: Classes = defaultdict(list)
    for folder in root.folders:
        if not folder.holds_files and _describes(folder):
            ignored.append((folder.path, "holds no images"))
            continue
        name = _plain(folder)
        if trained is not None and name not in trained:
            raise ValueError(_unknown(root, name, trained))
        if not folder.holds_files:
            raise ValueError(f"class {name!r} has no images in {folder.path}: add some or remove the folder")
        classes[name].append(folder)
    if not classes:
        loose = f"; its {len(root.files):,} images lie in none" if root.files else ""
        raise ValueError(f"{root.path} holds no class folders with images, {root.path}/<class>/<image>{loose}")
    _ignore_loose(root, ignored)
    notes += [_merged(root, name, len(found)) for name, found in classes.items() if len(found) > 1]
    return classes


def _check_links(root: Folder) -> None:
    """Refuse what may have been a link to the folder of a class.

    Raises:
        ValueError: there is a link that leads nowhere.
    """
    for name in root.others:
        path = Path(root.path, name)
        if path.is_symlink() and not path.exists() and not name.lower().endswith(DESCRIPTIONS):
            raise ValueError(f"{path} is a link to {path.readlink()}, which is not there: mend or remove it")


def _check_several(root: Folder, classes: Classes) -> None:
    """Offer the folders in the only class folder, where there are some.

    Raises:
        ValueError: there are.
    """
    inner = [folder for folders in classes.values() for folder in folders if folder.filled]
    if len(classes) == 1 and inner:
        raise ValueError(
            f"data.source={root.path!r} has only one class, {inner[0].name!r}; if the folders in it "
            f"({listed(inner[0].filled)}) are the classes, give --data.source={inner[0].path}"
        )


def _unknown(root: Folder, name: str, trained: Collection[str]) -> str:
    alike = [known for known in sorted(trained) if _folded(known) == _folded(name)]
    hint = f"; there it is {alike[0]!r}" if alike else ""
    return f"{root.path} has a class {name!r} that the training images lack (they have {sorted(trained)}){hint}"


def _merged(root: Folder, name: str, count: int) -> str:
    return f"{root.path} has {count} folders called {name}, in different Unicode forms: they are one class"


def _ignore_loose(root: Folder, ignored: Pairs) -> None:
    ignored += [(f"{root.path}/{name}", "an image in no class folder") for name in root.files]


def _lacks_labels(root: Folder, classes: Classes, ignored: Pairs) -> bool:
    """Return whether a split's images lie in no class folders, as those of a competition do; then it is ignored."""
    names = [_plain(folder) for folder in root.filled]
    nameless = len(names) == 1 and names[0] not in classes and _says_nothing(names[0])
    if not nameless and (names or not root.files):
        return False
    count = sum(1 for _ in root.paths())
    ignored.append((root.path, f"{count:,} images in no class folders, so without labels"))
    return True


def _says_nothing(name: str) -> bool:
    return names_split(name) or name.lower() in WITHOUT_LABELS


def _almost_equal(class_names: Sequence[str]) -> Iterator[str]:
    """A sentence on names that a person may have meant to be the same."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in class_names:
        groups[_folded(name)].append(name)
    for names in groups.values():
        if len(names) > 1:
            yield f"classes {' and '.join(map(repr, names))} differ in case or blanks only, and stay apart"


def _folded(name: str) -> str:
    return name.casefold().strip()


def _examples(classes: Classes, class_names: Sequence[str]) -> Examples:
    paths: list[str] = []
    counts = []
    for name in class_names:
        before = len(paths)
        for folder in classes.get(name, ()):
            paths += folder.paths()
        counts.append(len(paths) - before)
    return Examples(FilePaths(Files(paths)), np.repeat(np.arange(len(class_names)), counts))


def _gathered(ignored: Pairs) -> Pairs:
    """The same with one line for many files of one ending in one folder."""
    kinds = [(str(Path(path).with_name(f"*{Path(path).suffix}")), reason) for path, reason in ignored]
    counts = Counter(kinds)
    lines: dict[tuple[str, str], None] = {}
    for pair, (pattern, reason) in zip(ignored, kinds, strict=True):
        count = counts[pattern, reason]
        lines[(pattern, f"{count:,} files: {reason}") if count > SHOWN_OF_A_KIND else pair] = None
    return list(lines)
