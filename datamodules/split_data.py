"""The base of all data modules: finding data, splitting it, encoding it, describing it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.batches.encoded_cache import cached, keep_within, uncached
from datamodules.batches.encoded_splits import EncodedSplits, encode_splits
from datamodules.batches.split_loaders import SplitLoaders
from datamodules.data_reader import DataReader
from datamodules.health.contents import Contents, content_ids, fingerprint, read_contents
from datamodules.health.duplicates import find_copies, note_copies
from datamodules.preprocessing import ModulePreprocessing, Preprocessing
from datamodules.sources.folds import Fold, cut_fold, pooled
from datamodules.sources.hub_tables import names_hub
from datamodules.sources.item_names import name_item
from datamodules.sources.labels.known_classes import in_known_order
from datamodules.sources.labels.labels import Labels
from datamodules.sources.labels.nothing import without_labels
from datamodules.sources.labels.values import summary
from datamodules.sources.source import SPLIT_NAMES, Source, existing_path, take
from datamodules.sources.split_options import check_fractions, check_numbers
from datamodules.sources.splits import RareClasses, choose_train, cut_missing_splits
from datamodules.sources.unreadable import Indexed, check_lost, check_unreadable, lost_items


class SplitData(SplitLoaders, DataReader):
    """Items in train, val and test splits, from the embedded sample, the hub or a path.

    Everything about the data is available without a Trainer: the first use of ``class_names``, ``source_found`` or a
    loader finds, splits and encodes it. What stands beside an item is the matter of ``labels``.

    Args:
        source: ``sample`` (embedded, offline), ``hub`` (downloaded once into data/), ``hub:owner/name[@revision]`` for
            any data set there with the right columns, or the path of a folder or file.
        batch_size: items per batch and device.
        val_fraction: share of the training items that becomes the validation split where the source has none.
        test_fraction: the same for the test split.
        split_seed: seed of those cuts, and of ``train_size``; independent of the training seed.
        train_size: train on a stratified choice of this many items; on all of them when unset.
        num_workers: loader processes; when unset, none for data in memory and one a core for data that is streamed.
        cache: keep decoded images and encoded texts under data/, so that the next run starts at once, and of several
            processes only one decodes; without, each does.
        keep_on_device: keep data on the GPU if there is one and the data takes less than half of its free memory.
        max_unreadable_share: largest share of the items that may be damaged or without a label (0…1): those are left
            out, as are empty ones, which do not count.
        rare_classes: ``refuse`` a class with too few items to cut the missing splits from, or keep it in ``train``.
        cache_gb: what data/encoded may hold; beyond it, entries go that have not been used for longest.
        fold: such as 2/5, the second of five folds: it is the test split then, and an official one has no part.
    """

    hub_name: ClassVar[str]  # owner/name@revision
    kind: ClassVar[str] = ModulePreprocessing.kind  # what an item is: image, text, or something of one's own
    labels: Labels

    def __init__(
        self,
        source: str = "sample",
        batch_size: int = 128,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        split_seed: int = 0,
        train_size: int | None = None,
        num_workers: int | None = None,
        cache: bool = True,
        keep_on_device: bool = True,
        max_unreadable_share: float = 0.05,
        rare_classes: RareClasses = "refuse",
        cache_gb: float = 20.0,
        fold: str | None = None,
    ) -> None:
        super().__init__(batch_size, num_workers, keep_on_device)
        check_fractions(val_fraction, test_fraction)
        check_numbers(max_unreadable_share, train_size, cache_gb)
        self.fold = None if fold is None else Fold.read(fold)
        self.source = source
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.train_size = train_size
        self.cache = cache
        self.max_unreadable_share = max_unreadable_share
        self.rare_classes = rare_classes
        self.cache_gb = cache_gb
        self._contents: dict[str, Contents] = {}  # of each split that was found, read once
        # Of a model that exists, set before the first use: labels count its classes, and no others are accepted.
        self.known_classes: list[str] | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """The object that turns an item into the network's input; an exported model carries it."""
        options = {name: value for name, value in self.hparams.items() if name != "source" and name[0] != "_"}
        return ModulePreprocessing(f"{type(self).__module__}.{type(self).__qualname__}", options)

    @cached_property
    def found(self) -> Source:
        """The data as it lies there: with its own splits, and the classes in its own order.

        Raises:
            ValueError: it is not there, cannot be read, or has classes where values are wanted.
        """
        given = {"sample": self.load_sample, "hub": self.load_hub}
        source = given[self.source]() if self.source in given else self.load_path(existing_path(self.source))
        if source.class_names and self.labels.target == "value":
            raise ValueError(f"{source.origin} has classes, and no values: give data with a column of numbers")
        return without_labels(source) if self.labels.target == "nothing" else source

    @cached_property
    def source_found(self) -> Source:
        """The splits as they are used: official ones kept, missing ones cut from train, ``train_size`` applied."""
        found, copies = self.uncut, {}
        total = sum(map(len, found.splits.values())) + len(found.unusable)
        check_unreadable(found.unusable, total, self.max_unreadable_share)
        self.labels.check(found)
        noun = f"{self.kind}s" if self.kind in ("image", "text") else "items"
        if self.source != "sample":  # which is known to hold no copies
            self._contents = {split: self.read_contents(given.items, split) for split, given in found.splits.items()}
            copies = find_copies(self._contents)
            found = note_copies(found, copies, noun)
        alike, fractions = copies.get("train"), (self.val_fraction, self.test_fraction)
        if self.fold is None:
            source = cut_missing_splits(found, *fractions, self.split_seed, alike, self.rare_classes, noun)
        else:
            source = cut_fold(found, self.fold, self.val_fraction, self.split_seed, alike, noun)
        return source if self.train_size is None else choose_train(source, self.train_size, self.split_seed)

    def read_contents(self, items: Sequence[object] | np.ndarray, split: str) -> Contents:
        """Digests of the items of a split; every item is read."""
        return read_contents(items, split)

    @cached_property
    def uncut(self) -> Source:
        """The data before splits are cut: with the classes in the order of a model that exists, pooled for folds."""
        known = self.found if self.known_classes is None else in_known_order(self.found, self.known_classes)
        return known if self.fold is None else pooled(known)

    @cached_property
    def encoded_splits(self) -> EncodedSplits:
        """Data sets and readable examples per split, and all that was skipped."""
        used = self.source_found
        encoded = encode_splits(self.uncut, used, self.encode, whole=self.fold is not None)
        if self.cache:
            keep_within(self.cache_gb)
        check_unreadable(encoded.skipped, sum(map(len, used.splits.values())), self.max_unreadable_share)
        self.source_found = replace(used, notes=[*used.notes, *self.encoding_notes(encoded.datasets)])
        return encoded._replace(skipped=used.skipped + encoded.skipped)

    @property
    def datasets(self) -> dict[str, Any]:
        return self.encoded_splits.datasets

    def encoding_notes(self, datasets: dict[str, object]) -> list[str]:
        """Notes on the encoded splits, for a person."""
        return []

    def _lost(self, split: str) -> list[tuple[str, str]]:
        """The items that could be read when the run began, but not when they were streamed."""
        return lost_items(self.datasets[split], split)

    def check_lost(self, batch: Indexed) -> None:
        """Stop a run whose data goes away while it is streamed; see ``sources.unreadable.check_lost``."""
        total = sum(map(len, self.source_found.splits.values()))
        check_lost(self.datasets, batch, total, self.max_unreadable_share)

    def encoded(self, build: Callable[[Path], None], items: Any, *settings: object) -> Path:
        """The folder with what ``build`` makes of items under these settings, from the cache if it is there."""
        if not self.cache:
            return uncached(build)
        read = (content for split, content in self._contents.items() if self.uncut.splits[split].items is items)
        contents = next(read, None) or read_contents(items, "items")
        digest = hashlib.sha256(repr((type(self).__name__, settings, contents.key)).encode())
        return cached(digest.hexdigest(), build)

    def follow(self, target: str) -> None:
        """Put beside each item what a model learns from; call it before the first use.

        Args:
            target: as in ``Task.target``.

        Raises:
            ValueError: something else stands there.
        """
        if target not in ("nothing", self.labels.target):
            name = type(self).__name__
            found = "nothing" if self.labels.target == "nothing" else f"a {self.labels.target}"
            raise ValueError(f"{name} has {found} beside each item; the model learns from a {target}")

    @property
    def class_names(self) -> list[str]:
        return self.source_found.class_names

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def class_counts(self) -> list[int]:
        """Readable training items of each class."""
        return np.bincount(self.encoded_splits.readable["train"].labels, minlength=self.num_classes).tolist()

    @property
    def values(self) -> dict[str, float]:
        """Mean, standard deviation, least and largest of the readable training items' values."""
        return summary(self.encoded_splits.readable["train"].labels)

    @cached_property
    def fingerprint(self) -> str:
        """``sha256:…`` of the splits' content, the same wherever the data lies."""
        return fingerprint(self.source_found)

    @property
    def items_line(self) -> str:
        """Describe an item's way to the network, for the first lines of a run; empty if there is nothing to say."""
        return ""

    @property
    def sizes(self) -> dict[str, int]:
        """Readable items per split."""
        return {split: len(self.encoded_splits.readable[split]) - len(self._lost(split)) for split in SPLIT_NAMES}

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(item, reason) for everything that was left out."""
        return self.encoded_splits.skipped + [item for split in SPLIT_NAMES for item in self._lost(split)]

    def item(self, split: str, index: int) -> Any:
        """The item as a person would look at it: a uint8 image (H, W, C) or a text."""
        return self.encoded_splits.readable[split].items[index]

    def item_name(self, split: str, index: int) -> str:
        """Name an item for a person: by its file within ``source``, or by its row in the split it was found in."""
        found_in = split if split in self.uncut.splits else "train"
        items, rows = self.encoded_splits.readable[split].items, self.source_found.rows.get(split)
        return name_item(items, index, found_in, Path(self.source).expanduser(), rows)

    def item_ids(self, split: str, positions: np.ndarray) -> list[str]:
        """Digests of the content of the items at int64 ``positions`` (n,)."""
        return content_ids(take(self.encoded_splits.readable[split].items, positions))

    def prepare_data(self) -> None:
        """Download once per node; ``setup`` then reads the cache on every rank."""
        if self.source == "hub" or names_hub(self.source):
            _ = self.source_found
