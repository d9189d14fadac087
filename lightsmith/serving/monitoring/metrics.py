"""Counters and histograms in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Iterator, Sequence

from lightsmith.serving.backend import BatchReport

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ITEMS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Counter:
    """A number that only grows, for each value of a label, or alone without one."""

    kind = "counter"

    def __init__(self, name: str, meaning: str, label: str = "") -> None:
        self.name, self.meaning, self.label = name, meaning, label
        self.counts: Counts[str] = Counts() if label else Counts({"": 0})

    def add(self, value: str = "", count: int = 1) -> None:
        """Count once more, or ``count`` times."""
        self.counts[value] += count

    def samples(self) -> Iterator[str]:
        """The lines below the header."""
        for value, count in sorted(self.counts.items()):
            yield f"{self.name}{labelled(**{self.label: value}) if self.label else ''} {count}"


class Gauge:
    """A number that is looked up when it is asked for, for each value of a label, or alone without one."""

    kind = "gauge"

    def __init__(
        self, name: str, meaning: str, look_up: Callable[[], float | dict[str, float]], label: str = ""
    ) -> None:
        self.name, self.meaning, self.look_up, self.label = name, meaning, look_up, label

    def samples(self) -> Iterator[str]:
        """The lines below the header."""
        found = self.look_up()
        for value, number in (found if isinstance(found, dict) else {"": found}).items():
            yield f"{self.name}{labelled(**{self.label: value}) if self.label else ''} {number:g}"


class Histogram:
    """A histogram: counts of values up to each bound, their sum and their number."""

    kind = "histogram"

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self.name, self.meaning, self.bounds = name, meaning, bounds
        self.counts, self.sum = [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Take a value into account."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def samples(self) -> Iterator[str]:
        """The lines below the header."""
        total = 0
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            total += count
            yield f"{self.name}_bucket{labelled(le=bound)} {total}"
        yield f"{self.name}_sum {self.sum:.9g}"
        yield f"{self.name}_count {total}"


class ServiceMetrics:
    """The counters and histograms of a service, since its start."""

    def __init__(self) -> None:
        self.requests = Counter("lightsmith_requests_total", "Requests answered, by status.", "status")
        self.refused = Counter("lightsmith_refusals_total", "Requests and items refused, by reason.", "reason")
        self.abandoned = Counter("lightsmith_abandoned_items_total", "Items not computed as their client went away.")
        self.predicted = Counter("lightsmith_predictions_total", "Predictions, by class.", "prediction")
        self.confidence = Histogram("lightsmith_confidence", "Probability of the most probable class.", SHARES)
        self.queue_s = Histogram("lightsmith_queue_seconds", "From a decoded item to its batch.", SECONDS)
        self.decoding_s = Histogram("lightsmith_decoding_seconds", "From an item's bytes to the input.", SECONDS)
        self.inference_s = Histogram("lightsmith_inference_seconds", "Of a batch.", SECONDS)
        self.batch_items = Histogram("lightsmith_batch_items", "Items of a batch.", ITEMS)
        self.request_s = Histogram("lightsmith_request_seconds", "From a request's header to its answer.", SECONDS)
        self.deaths = Counter("lightsmith_worker_deaths_total", "Worker processes that died and were replaced.")
        self.orphaned = Counter("lightsmith_orphaned_items_total", "Items whose worker died before it answered.")
        self.unlogged = Counter("lightsmith_unlogged_items_total", "Answers that could not be written into the log.")
        self.gauges: list[Gauge] = []

    def note_batch(self, report: BatchReport) -> None:
        """Count a batch that was computed."""
        self.inference_s.observe(report.inference_s)
        self.batch_items.observe(len(report.queue_s))
        for seconds in report.queue_s:
            self.queue_s.observe(seconds)

    def note_abandoned(self) -> None:
        """Count an item that was left out, as its client went away."""
        self.abandoned.add()

    def text(self) -> str:
        """Everything, as Prometheus reads it."""
        lines = []
        counted = [metric for metric in vars(self).values() if isinstance(metric, Counter | Histogram)]
        every: list[Counter | Histogram | Gauge] = [*counted, *self.gauges]
        for metric in every:
            lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
            lines += metric.samples()
        return "\n".join(lines) + "\n"


def labelled(**labels: str) -> str:
    """Labels in braces, their values escaped."""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
