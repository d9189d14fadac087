"""Data of one's own with a value for each item."""

from __future__ import annotations

from datamodules.sources.labels.values import Values
from datamodules.split_data import SplitData


class RegressionData(SplitData):
    """Items with values: of a source, ``class_names`` is empty and labels are float32."""

    labels = Values()
