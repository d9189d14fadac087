"""Test items of a run as a person looks at them, found again in the run's data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lightsmith.run_folder import BEST_CHECKPOINT, PREDICTIONS
from lightsmith.terminal import one_line

if TYPE_CHECKING:
    import numpy as np

LARGEST_SIDE = 160  # pixels of an image on a page; larger ones are made smaller
SMALL_SIDE = 64  # up to which an image is shown pixel by pixel


class SeenItem(NamedTuple):
    """An item of data: its image as a data URL, and whether that is a small one; or its text."""

    image: str | None = None
    small: bool = False
    text: str | None = None


def look_at(run: Path, names: Sequence[str]) -> tuple[dict[str, SeenItem], str]:
    """Find test items in a run's data by their names, and check by their content that they are still the same.

    Returns:
        What was found, by name, and why the rest was not; no reason if all of it was.
    """
    if not (run / PREDICTIONS).is_file():
        return {}, f"the run has no {PREDICTIONS}, which says where they are in the data"
    if not (run / BEST_CHECKPOINT).is_file():
        return {}, f"{BEST_CHECKPOINT}, which says how the data is read, is gone"
    table = pq.read_table(run / PREDICTIONS, columns=["index", "id", "item"])
    chosen = table.filter(pc.is_in(table["item"], pa.array(names, pa.string()))).to_pylist()
    try:
        found = _found(run, chosen)
    except Exception as error:  # noqa: BLE001  # data that is gone or changed raises anything; the page goes on without
        return {}, f"the data cannot be read any more ({one_line(error)})"
    changed = "" if len(found) == len(chosen) else "some items of the data are no longer the same"
    return found, changed


def _found(run: Path, rows: Sequence[dict[str, Any]]) -> dict[str, SeenItem]:
    """The items that lie where predictions were made of them, and whose content is that of then.

    Raises:
        ValueError, OSError: the data, or the checkpoint that says how it is read, is gone.
    """
    # Imported here: this needs torch, which takes seconds to import and which no other part of a page needs.
    import numpy as np

    from lightsmith.checkpoints.rebuild import read_checkpoint, rebuild_data

    data = rebuild_data(read_checkpoint(run / BEST_CHECKPOINT))
    there = [row for row in rows if row["index"] < data.sizes["test"]]
    ids = data.item_ids("test", np.array([row["index"] for row in there], np.int64))
    same = [row for row, content in zip(there, ids, strict=True) if row["id"] == content]
    return {row["item"]: _seen(data.item("test", row["index"])) for row in same}


def _seen(item: Any) -> SeenItem:
    """An item for a page: an image uint8 (H, W, C), or a text."""
    if isinstance(item, str):
        return SeenItem(text=item)
    return SeenItem(*image_url(item))


def image_url(pixels: np.ndarray) -> tuple[str, bool]:
    """An image uint8 (H, W, C) as a data URL, and whether it is a small one."""
    from PIL import Image

    image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    small = max(image.size) <= SMALL_SIDE
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    file, form = io.BytesIO(), "PNG" if small else "JPEG"
    image.save(file, form, **({} if small else {"quality": 82}))
    return data_url(file.getvalue(), f"image/{form.lower()}"), small


def data_url(content: bytes, kind: str) -> str:
    """Encode a file as a data URL, which a page can hold."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
