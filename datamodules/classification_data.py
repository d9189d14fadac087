"""Data of one's own with a class for each item."""

from __future__ import annotations

from datamodules.sources.labels.classes import Classes
from datamodules.split_data import SplitData


class ClassificationData(SplitData):
    """Items with classes: of a source, ``class_names`` are their names and labels their places, int64."""

    labels = Classes()
