from __future__ import annotations

from lightsmith.serving.monitoring.metrics import Counter, Gauge, Histogram, ServiceMetrics, labelled


def test_a_histogram_counts_all_values_up_to_a_bound() -> None:
    histogram = Histogram("x", "X.", (1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    assert list(histogram.samples()) == [
        'x_bucket{le="1.0"} 2', 'x_bucket{le="2.0"} 3', 'x_bucket{le="+Inf"} 4', "x_sum 12", "x_count 4",
    ]  # fmt: skip


def test_labels_are_escaped() -> None:
    assert labelled(a='b"\\\n') == '{a="b\\"\\\\\\n"}'
    counter = Counter("n", "N.", "name")
    counter.add("ä")
    counter.add("ä", 2)
    assert list(counter.samples()) == ['n{name="ä"} 3']


def test_every_metric_has_its_meaning_and_its_type_before_it() -> None:
    metrics = ServiceMetrics()
    metrics.gauges.append(Gauge("lightsmith_now", "Now.", lambda: 3))
    metrics.predicted.add("cat")
    lines = metrics.text().splitlines()
    assert lines[-3:] == ["# HELP lightsmith_now Now.", "# TYPE lightsmith_now gauge", "lightsmith_now 3"]
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 8
    for line in lines:
        assert line.startswith("#") or any(line.startswith(name) for name in names)
