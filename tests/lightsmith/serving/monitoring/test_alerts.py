"""The alert rules and the dashboard name what the service counts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from lightsmith.serving.monitoring.metrics import ServiceMetrics
from tests.conftest import ROOT
from tests.lightsmith.serving.conftest import Client

FOLDER = ROOT / "lightsmith/serving/monitoring"
ALERTS = FOLDER / "alerts.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [*(rule["expr"] for rule in RULES), *QUERIES]
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
# Of every metric that has labels; a histogram's buckets have le.
LABELS = {"status", "reason", "prediction", "signal", "le", "instance", "job"}


def names_of(text: str) -> dict[str, str]:
    """The series that /metrics has, with their kinds."""
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    return {f"{name}{part}": kind for name, kind in kinds for part in PARTS[kind]}


def test_every_metric_that_is_named_is_counted(photos: Client) -> None:
    known = names_of(photos("/metrics").body.decode())
    assert known.keys() >= names_of(ServiceMetrics().text()).keys()
    for expression in EXPRESSIONS:
        found = set(re.findall(r"\blightsmith_\w+", expression))
        assert found <= known.keys(), expression
        assert found or expression.startswith("up{"), expression


def test_every_metric_stands_on_the_dashboard_or_in_a_rule(photos: Client) -> None:
    text = " ".join(EXPRESSIONS)
    kinds = re.findall(r"^# TYPE (\w+) ", photos("/metrics").body.decode(), re.MULTILINE)
    assert [name for name in kinds if name not in text] == []


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_whole_and_asks_counters_for_their_growth(expression: str) -> None:
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)
    for name in re.findall(r"\blightsmith_\w+", expression):
        grows = name.endswith(("_total", "_bucket", "_sum", "_count"))
        assert bool(re.search(rf"(?:rate|increase)\({name}", expression)) == grows, name
    assert set(re.findall(r'(\w+)=~?"', expression)) <= LABELS


def test_reasons_of_the_rules_are_those_of_refusals() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.parent.rglob("*.py"))
    for reasons in re.findall(r'reason=~?"([^"]+)"', " ".join(EXPRESSIONS)):
        for reason in reasons.split("|"):
            assert f'"{reason}"' in source


def test_rules_have_names_of_their_own_and_say_what_happened() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 8
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert "{{ $labels.instance }}" in rule["annotations"]["summary"]


def test_the_dashboard_has_no_panel_over_another_and_one_place_for_its_source() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${source}"}


def test_promtool_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: Debian has it in the package prometheus")
    checked = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_takes_the_metrics(photos: Client) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: Debian has it in the package prometheus")
    photos("/predict", b"", "image/png")
    text = photos("/metrics").body
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
