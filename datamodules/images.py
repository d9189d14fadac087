"""Image data: found, decoded or streamed, and augmented on the device."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.batches.augmentation import center_crop, random_crop, random_flip, random_resized_crop
from datamodules.batches.decoded_images import Decoded, of_all_items, read_decoded, write_decoded
from datamodules.batches.images import ImageBatch, InMemoryImages, StreamedImages
from datamodules.health.contents import Contents
from datamodules.preprocessing import ImagePreprocessing
from datamodules.sources.folders.file_paths import FilePaths
from datamodules.sources.folders.folder_tree import Folder
from datamodules.sources.folders.image_folders import find_images, load_image_folder, name_unused
from datamodules.sources.image_signatures import is_image
from datamodules.sources.image_sizes import detail_note, size_line
from datamodules.sources.no_input import NotAnInput, files_below
from datamodules.sources.source import SPLIT_NAMES, Source, take
from datamodules.sources.tables.columns import Column
from datamodules.sources.tables.files import TABLE_SUFFIXES
from datamodules.table_data import TableData


class ImageData(TableData):
    """Images from the sample, the hub, a folder of class sub-folders, or Parquet.

    Args:
        image_size_px: side of the square that the network sees.
        resize_px: side of the square that images are stored at before cropping; ``image_size_px`` when unset.
        random_crop: where images are stored larger, crop training images at random, and not in the middle.
        crop_padding_px: training images are cropped at random after reflecting this many pixels at the border.
        min_crop_area: instead, crop a random part of at least this share of the area and resize it.
        horizontal_flip: mirror half of the training images.
        image_column: column of a table that holds the images; ``image`` or ``img`` when unset.
        memory_budget_gb: data whose decoded images, those of all splits, are larger is streamed instead of held in
            memory. Processes of one machine share the images, unless ``cache`` is off.
        split_folders: whether the folders of ``source`` are splits, each with the folders of classes, or the classes
            themselves; told by their names and contents when unset.
    """

    channels: ClassVar[int] = 3
    class_columns = ("label", "labels", "class", "target", "fine_label")
    kind = "image"

    def __init__(
        self,
        image_size_px: int = 32,
        resize_px: int | None = None,
        random_crop: bool = True,
        crop_padding_px: int = 0,
        min_crop_area: float | None = None,
        horizontal_flip: bool = False,
        image_column: str | None = None,
        memory_budget_gb: float = 4.0,
        split_folders: bool | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.save_hyperparameters()
        if image_size_px < 1:
            raise ValueError(f"data.image_size_px={image_size_px} must be at least 1")
        if resize_px is not None and resize_px < image_size_px:
            raise ValueError(f"data.resize_px={resize_px} must be at least data.image_size_px={image_size_px}")
        if not 0 <= crop_padding_px < image_size_px:
            raise ValueError(f"data.crop_padding_px={crop_padding_px} must lie between 0 and {image_size_px - 1}")
        if min_crop_area is not None and not 0 < min_crop_area <= 1:
            raise ValueError(f"data.min_crop_area={min_crop_area} must lie in (0, 1], such as 0.35")
        self.image_size_px = image_size_px
        self.stored_size_px = resize_px or image_size_px
        self.random_crop = random_crop
        self.crop_padding_px = crop_padding_px
        self.min_crop_area = min_crop_area
        self.horizontal_flip = horizontal_flip
        self.image_columns: Sequence[Column] = (
            (image_column,) if image_column else ("image", "img", "file", "file_name")
        )
        self.memory_budget_gb = memory_budget_gb
        self.split_folders = split_folders
        self._preprocessing = ImagePreprocessing(self.channels, image_size_px, self.stored_size_px)
        # Whether the first split that is encoded, which is train, decides how greys of more than 8 bits are scaled.
        self.finds_greys = True
        self._decoded: dict[int, Decoded] = {}  # by the id of the items

    @property
    def item_columns(self) -> Sequence[Column]:
        return self.image_columns

    @property
    def preprocessing(self) -> ImagePreprocessing:
        """The steps from an image to the network's input, in evaluation."""
        return self._preprocessing

    @preprocessing.setter
    def preprocessing(self, preprocessing: ImagePreprocessing) -> None:
        self._preprocessing, self.finds_greys = preprocessing, False

    def state_dict(self) -> dict[str, Any]:
        """The preprocessing as plain values, so that a checkpoint says by itself what its network takes."""
        return {"preprocessing": self.preprocessing.settings}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a checkpoint's preprocessing, but for the sizes, which options say; older ones name none.

        Raises:
            ValueError: this version does not do what it asks for.
        """
        self.finds_greys = False
        if "preprocessing" in state_dict:
            self.preprocessing = ImagePreprocessing.restored(
                state_dict["preprocessing"], image_size_px=self.image_size_px, resize_px=self.stored_size_px
            )

    @property
    def augments(self) -> bool:
        cropped = self.crop_padding_px > 0 or self.min_crop_area is not None
        return cropped or self.horizontal_flip or (self.random_crop and self.stored_size_px != self.image_size_px)

    def load_path(self, path: Path) -> Source:
        if path.is_file() and path.suffix.lower() not in TABLE_SUFFIXES:
            raise ValueError(f"data.source={str(path)!r} is a file, but not one of {' '.join(TABLE_SUFFIXES)}")
        if not path.is_dir():
            return self.load_tables(path)
        found = find_images(path)
        if self.labels.target == "value":
            return name_unused(self.load_tables(path), found[0])
        if _holds_tables(*found):
            return self.load_tables(path)
        return load_image_folder(path, self.split_folders, found)

    def encode(
        self, items: Sequence[Any] | np.ndarray, labels: np.ndarray, title: str
    ) -> tuple[Dataset[Any], np.ndarray, list[tuple[str, str]]]:
        size, channels = self.preprocessing.resize_px, self.preprocessing.channels
        if isinstance(items, np.ndarray) and items.shape[1:] == (size, size, channels):
            return InMemoryImages(items, labels), np.arange(len(items)), []
        if isinstance(items, np.ndarray):
            items = [_png(image) for image in items]
        single, places = items.distinct() if isinstance(items, FilePaths) else (items, np.arange(len(items)))
        decoded = self._decoded.pop(id(items), None) or self._decode(single, title)
        kept, rows, skipped = of_all_items(items, decoded, places, title)
        if self._fits_memory(items, title):
            shared = rows if len(decoded.images) < len(rows) else None
            return InMemoryImages(decoded.images, labels[kept], shared), kept, skipped
        return StreamedImages(take(items, kept), labels[kept], self.preprocessing), kept, skipped

    def read_contents(self, items: Sequence[object] | np.ndarray, split: str) -> Contents:
        if isinstance(items, FilePaths) and self.train_size is None and not self._fits_memory(items, split):
            # To decode files is to read them, and what they contain is noted on the way.
            self._decoded[id(items)] = self._decode(items.distinct()[0], split)
        return super().read_contents(items, split)

    def _decode(self, items: Sequence[object], title: str) -> Decoded:
        """Decode items that differ from each other, or find what became of them before."""
        in_memory = self._fits_memory(items, title)

        def build(folder: Path) -> None:
            write_decoded(folder, items, self.preprocessing, title, in_memory, self.finds_greys)

        # Files too large for the memory are known by their state, so that they need not be read to be found again.
        content = items.states() if isinstance(items, FilePaths) and not in_memory else items
        folder = self.encoded(build, content, self.preprocessing, self.finds_greys, in_memory, PIL.__version__)
        decoded = read_decoded(folder, items, self.preprocessing)
        self.preprocessing = decoded.preprocessing
        return decoded

    def _fits_memory(self, items: Sequence[object], title: str) -> bool:
        """Return whether the decoded images of all splits, of which these are one, are within the budget."""
        count = len(items)
        if title in SPLIT_NAMES:
            used = self.uncut if self.train_size is None else self.source_found
            count = max(count, sum(map(len, used.splits.values())))
        size = self.preprocessing.resize_px
        return count * size * size * self.preprocessing.channels <= self.memory_budget_gb * 1e9

    def read_inputs(self, path: Path) -> Iterator[tuple[str, Any]]:
        if not path.is_dir():
            yield str(path), path
            return
        for name, file in files_below(path):
            yield name, file if isinstance(file, NotAnInput) or is_image(name) else NotAnInput("no image")

    @property
    def items_line(self) -> str:
        return size_line(self.source_found.splits["train"].items, self.stored_size_px, self.image_size_px)

    def encoding_notes(self, datasets: dict[str, object]) -> list[str]:
        items = self.source_found.splits["train"].items
        note = detail_note(items, self.channels, self.image_size_px, self.source)
        return [*super().encoding_notes(datasets), *filter(None, [note])]

    def item(self, split: str, index: int) -> np.ndarray:
        item = super().item(split, index)
        if isinstance(item, np.ndarray):
            return item
        return self.preprocessing.decode(item)

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:
        if self.trainer is not None:  # new images are classified without one, and without the data
            self.check_lost(batch)
        training = self.trainer is not None and self.trainer.training
        return batch._replace(image=self._augment(batch.image) if training else self.crop(batch.image))

    def crop(self, images: Tensor) -> Tensor:
        """Crop the central square of images uint8 (B, C, H, W), as evaluation sees them."""
        return images if images.shape[2] == self.image_size_px else center_crop(images, self.image_size_px)

    def _augment(self, images: Tensor) -> Tensor:
        if self.horizontal_flip:
            images = random_flip(images)
        if self.min_crop_area is not None:
            return random_resized_crop(images, self.image_size_px, self.min_crop_area)
        if self.crop_padding_px or (self.random_crop and images.shape[2] != self.image_size_px):
            return random_crop(images, self.image_size_px, self.crop_padding_px)
        return self.crop(images)


def _holds_tables(images: Folder, others: list[tuple[str, str]]) -> bool:
    """Parquet decides; a CSV or JSON file among images only describes them."""
    suffixes = {Path(path).suffix.lower() for path, _ in others}
    return ".parquet" in suffixes or (not images.holds_files and not suffixes.isdisjoint(TABLE_SUFFIXES))


def _png(image: np.ndarray) -> bytes:
    """A uint8 image (H, W, C) as PNG, for the one decoder to resize."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "PNG")
    return file.getvalue()
