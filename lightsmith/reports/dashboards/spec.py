"""Reads the file of a dashboard, experiments/_dashboards/<name>.yaml, and refuses what it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightsmith.settings.experiments import EXPERIMENTS
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import nearest, one_line

DASHBOARDS = EXPERIMENTS / "_dashboards"
KEYS = ("title", "about", "of", "group_by", "sections")
SECTION_KEYS = ("title", "panels")
STUDIES = ("seeds", "folds", "sweep", "tune", "compression")
ABOUT_ALL = "runs"
# The keys that a panel of each kind has besides panel, and how many metrics it shows.
PANELS: dict[str, tuple[tuple[str, ...], range]] = {
    "curves": (("title", "metrics", "x"), range(1, 9)),
    "bars": (("title", "metrics"), range(1, 9)),
    "scatter": (("title", "metrics"), range(2, 3)),
    "history": (("metrics",), range(1, 2)),
    "parallel": (("metrics",), range(1, 2)),
    "importance": (("metrics",), range(1, 2)),
    "runs": (("title", "metrics"), range(1, 21)),
    "comparison": ((), range(1)),
    "ledger": ((), range(1)),
    "text": (("text",), range(1)),
}
OVER = ("epoch", "step")  # what curves are drawn over


class Panel(NamedTuple):
    """A part of a section.

    Attributes:
        kind: one of ``PANELS``.
        metrics: names as they are logged; of a scatter, that of its x and that of its y.
        title: empty where the metrics are title enough.
        over: of curves, epoch or step.
        text: of a text.
    """

    kind: str
    metrics: tuple[str, ...] = ()
    title: str = ""
    over: str = OVER[0]
    text: str = ""


class Section(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


class Spec(NamedTuple):
    """A dashboard.

    Attributes:
        name: of its file.
        about: a sentence about it; may be empty.
        of: the kind of study that it is about, of which the newest is taken where none is named; ``runs`` for all runs.
        group_by: what tells groups apart: experiment, study, settings, or the name of a setting.
    """

    name: str
    title: str
    about: str
    of: str
    group_by: tuple[str, ...]
    sections: tuple[Section, ...]


def shipped() -> list[str]:
    """The names of the dashboards that come with Lightsmith."""
    return sorted(path.stem for path in DASHBOARDS.glob("*.yaml"))


def read_spec(name: str) -> Spec:
    """The dashboard of a name, or in a YAML file.

    Raises:
        ValueError: one line with the file, what it says and what would be right.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else DASHBOARDS / f"{name}.yaml"
    if not path.is_file():
        there = f" (there are: {', '.join(shipped())}, or a YAML file of your own)"
        raise ValueError(f"--name={name} is no dashboard{nearest(name, shipped())}{there}")
    content = read_settings(path)
    try:
        return _spec(path.stem, content)
    except ValueError as error:
        raise ValueError(f"{path.name}: {one_line(error)}") from error


def _spec(name: str, content: Mapping[str, object]) -> Spec:
    _check_keys("", content, KEYS)
    of = content.get("of", ABOUT_ALL)
    if of not in (ABOUT_ALL, *STUDIES):
        raise ValueError(f"of={of} is not one of {', '.join((ABOUT_ALL, *STUDIES))}{nearest(str(of), list(STUDIES))}")
    sections = tuple(_section(number, entry) for number, entry in enumerate(_list("", "sections", content), 1))
    titles = [section.title for section in sections]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueError(f"two sections are called {title}: give each a title of its own")
    group_by = _names("group_by", _list("", "group_by", content)) if "group_by" in content else ()
    return Spec(name, _text("", "title", content), _any_text("", "about", content), of, group_by, sections)


def _section(number: int, content: Any) -> Section:
    where = f"section {number}"
    _check_keys(where, content, SECTION_KEYS)
    title = _text(where, "title", content)
    panels = [
        _panel(f"{title}, panel {place}", entry) for place, entry in enumerate(_list(title, "panels", content), 1)
    ]
    return Section(title, tuple(panels))


def _panel(where: str, content: Any) -> Panel:
    """A panel, which names its kind and what that needs."""
    kind = content.get("panel") if isinstance(content, dict) else content
    if kind not in PANELS:
        raise ValueError(f"{where}: panel={kind} is not one of {', '.join(PANELS)}{nearest(str(kind), list(PANELS))}")
    keys, counts = PANELS[kind]
    _check_keys(f"{where} ({kind})", content, ("panel", *keys))
    metrics = _names(f"{where}: metrics", _list(where, "metrics", content)) if "metrics" in keys else ()
    if len(metrics) not in counts:
        many = f"{counts.start} to {counts.stop - 1}" if len(counts) > 1 else str(counts.start)
        raise ValueError(f"{where}: a panel of {kind} takes {many} metrics, not {len(metrics)}")
    over = content.get("x", OVER[0])
    if over not in OVER:
        raise ValueError(f"{where}: x={over} is not one of {', '.join(OVER)}")
    text = _text(where, "text", content) if "text" in keys else ""
    return Panel(kind, metrics, _any_text(where, "title", content), over, text)


def _check_keys(where: str, content: object, known: Sequence[str]) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{where}: {content} must say {', '.join(known)}")
    for key in content:
        if key not in known:
            raise ValueError(
                f"{where or 'it'} has the unknown key {key}{nearest(str(key), list(known))} ({', '.join(known)})"
            )


def _text(where: str, key: str, content: Mapping[str, object]) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{_place(where, key)}={value} must be a text")
    return value


def _any_text(where: str, key: str, content: Mapping[str, object]) -> str:
    """The text of a key that may be left out; then it is empty."""
    return _text(where, key, content) if key in content else ""


def _list(where: str, key: str, content: Mapping[str, object]) -> list[Any]:
    value = content.get(key)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{_place(where, key)}={value} must be a list with something in it")
    return value


def _place(where: str, key: str) -> str:
    return ": ".join(filter(None, [where, key]))


def _names(where: str, given: Sequence[Any]) -> tuple[str, ...]:
    for name in given:
        if not isinstance(name, str):
            raise ValueError(f"{where}={name} must be a name")
        if given.count(name) > 1:
            raise ValueError(f"{where} names {name} twice")
    return tuple(given)
