"""Folders of images as people might have them, drawn at random: what was written says what must be read."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from PIL import Image

CLASSES = (
    "cat",
    "dog",
    "train",
    "dev",
    "Bäume",
    "Vögel",
    "007",
    "7",
    "golden retriever",
    "a, b",
    "猫",
    "x.y",
    "No",
    "null",
)
SPLITS = {
    "train": ("train", "Train", "training", "training_set", "TrainImages", "train2017", "trainset"),
    "val": ("val", "valid", "validation", "Validation-Set", "dev", "val_images"),
    "test": ("test", "testing", "test_set", "Test", "testset", "test-data", "holdout"),
}
ENDINGS = {
    "PNG": (".png", ".PNG", "", ".jpg"),
    "JPEG": (".jpg", ".jpeg", ".JPG", ".jfif", "", ".png", ".txt"),
    "WEBP": (".webp", ".dat"),
    "BMP": (".bmp", ""),
    "TIFF": (".tif", ".TIFF"),
    "GIF": (".gif", ""),
}
WITHOUT_PART = {
    "Thumbs.db": b"\xd0\xcf\x11\xe0" + bytes(40),
    "labels.csv": b"file,label\n",
    "README.md": b"# photographs\n",
    "notes.txt": b"taken in the garden\n",
    "desktop.ini": b"[.ShellClassInfo]\n",
    "annotations.xml": b"<a/>",
    "clip.mp4": b"\0\0\0\x20ftypisom" + bytes(40),
}
UNREADABLE = {
    "IMG_1.HEIC": b"\0\0\0\x18ftypheic" + bytes(64),
    "cut.png": b"\x89PNG\r\n\x1a\n\0\0\0",
    "empty.jpg": b"",
    "raw.NEF": b"MM\0*" + bytes(60),
}


@dataclass
class Written:
    """What a folder holds: the paths of the items by split and class, and those of all else."""

    root: Path
    items: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)


def write_folder(root: Path, seed: int) -> Written:
    """Write folder number ``seed``; of its items, fewer than a twentieth are unreadable."""
    draw = random.Random(seed)
    written = Written(root)
    base = root.joinpath(*draw.choice([(), (), ("archive",), ("kaggle", "pets")]))
    names = draw.sample(CLASSES, draw.randint(2, 4))
    splits = draw.choice([("train",), ("train", "test"), ("train", "val"), ("train", "val", "test")])
    flat = splits == ("train",) and draw.random() < 0.8
    for split in splits:
        outer = base if flat else base / draw.choice(SPLITS[split])
        for name in names:
            where = outer / draw.choice([normalize("NFC", name), normalize("NFD", name)])
            if draw.random() < 0.2:  # the class is a link to a folder elsewhere
                store = root.with_name(f"{root.name} store") / split / name
                store.mkdir(parents=True)
                where.parent.mkdir(parents=True, exist_ok=True)
                where.symlink_to(store.resolve())
            images = written.items.setdefault(split, {}).setdefault(normalize("NFC", name), set())
            images.update(_write_class(where, draw, written, 12 if split == "train" else 4))
        _write_without_part(outer, draw, written)
    return written


def _write_class(where: Path, draw: random.Random, written: Written, count: int) -> set[str]:
    where.mkdir(parents=True, exist_ok=True)
    deeper = f"of {where.parent.name} {where.name}"
    paths = set()
    for n in range(count):
        place = where / draw.choice(["", "", "", deeper])
        place.mkdir(exist_ok=True)
        file_format = draw.choice(sorted(ENDINGS))
        path = place / f"{draw.choice(['img', 'IMG ', 'ä', 'a.b'])}{n}{draw.choice(ENDINGS[file_format])}"
        if draw.random() < 0.1:
            store = written.root.with_name(f"{written.root.name} files")
            store.mkdir(exist_ok=True)
            target = store / f"{len(list(store.iterdir()))}"
            target.write_bytes(_image(file_format, draw))
            path.symlink_to(target.resolve())
        else:
            path.write_bytes(_image(file_format, draw))
        paths.add(str(path))
    if count == 12 and not written.unreadable and draw.random() < 0.25:
        name = draw.choice(sorted(UNREADABLE))
        (where / name).write_bytes(UNREADABLE[name])
        paths.add(str(where / name))
        written.unreadable.add(str(where / name))
    _write_without_part(where, draw, written)
    return paths


def _write_without_part(where: Path, draw: random.Random, written: Written) -> None:
    for name in draw.sample(sorted(WITHOUT_PART), draw.randint(0, 2)):
        (where / name).write_bytes(WITHOUT_PART[name])
        written.ignored.add(str(where / name))
    if draw.random() < 0.2:
        (where / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    makers: list[Callable[[Path], Path]] = [_mac_leftovers, _loop]
    for make in makers:
        if draw.random() < 0.1:
            written.ignored.add(str(make(where)))


def _mac_leftovers(where: Path) -> Path:
    (where / "__MACOSX" / "x").mkdir(parents=True)
    (where / "__MACOSX" / "x" / "._1.png").write_bytes(b"\0\x05\x16\x07")
    return where / "__MACOSX"


def _loop(where: Path) -> Path:
    (where / "back").symlink_to(where.resolve())
    return where / "back"


def _image(file_format: str, draw: random.Random) -> bytes:
    file = io.BytesIO()
    colour = tuple(draw.randrange(256) for _ in range(3))
    Image.new("RGB", (draw.randint(1, 12), draw.randint(1, 12)), colour).save(file, file_format)
    return file.getvalue()
