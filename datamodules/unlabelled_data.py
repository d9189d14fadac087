"""Data of one's own with nothing but the items."""

from __future__ import annotations

from datamodules.sources.labels.nothing import Nothing
from datamodules.split_data import SplitData


class UnlabelledData(SplitData):
    """Items alone: a source has no ``class_names``, and its labels are zeros, int64."""

    labels = Nothing()
