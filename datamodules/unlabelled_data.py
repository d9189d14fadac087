"""Data of one's own with nothing but the items."""

from __future__ import annotations

from datamodules.sources.nothing import Nothing
from datamodules.split_data import SplitData


class UnlabelledData(SplitData):
    """Items alone: of a source, ``class_names`` is empty and labels are zeros, int64 (`sources.nothing.no_labels`)."""

    labels = Nothing()
