"""A page as one HTML file that needs nothing else: its figures as JSON, and the script that draws them."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightsmith.predictions.file import is_writable
from lightsmith.replace_file import replace_file
from lightsmith.terminal import printable

PAGE = Path(__file__).parent / "page"
STYLE = "style.css"
SCRIPTS = (
    "elements.js",
    "scales.js",
    "table.js",
    "chart.js",
    "matrix.js",
    "threshold.js",
    "parallel.js",
    "items.js",
    "page.js",
)
# The page may run its own script and style, show pictures that are in it, and nothing else.
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
)


def check_page(path: Path) -> None:
    """Refuse a page that could not be written, before anything is read.

    Raises:
        ValueError: naming what is in the way.
    """
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ValueError(f"--output={path} must be a file that ends in .html")
    if not is_writable(path.resolve().parent):
        raise ValueError(f"{path.resolve().parent} cannot be written, or is not there: name a file by --output")


def write_page(path: Path, page: Mapping[str, object]) -> None:
    """Write a page in one step.

    Args:
        page: what ``page/page.js`` builds it from: ``title``, ``headline``, ``lead``, ``sections`` and ``footer``.

    Raises:
        OSError: the disk cannot be written.
    """
    replace_file(path, page_html(page).encode("utf-8", errors="backslashreplace"))


def page_html(page: Mapping[str, Any]) -> str:
    """The whole page: the same figures give the same text."""
    script = "\n".join(_read(name) for name in SCRIPTS)
    style = _read(STYLE)
    filled = {
        "policy": POLICY.format(script=hash_of(script), style=hash_of(style)),
        "title": html.escape(printable(page["title"])),
        "style": style,
        "figures": json_in_html(page),
        "script": script,
    }
    text, *parts = _read("page.html").split("{{")
    for part in parts:  # one pass, so that a figure that looks like a place is none
        name, _, rest = part.partition("}}")
        text += filled[name] + rest
    return text


def json_in_html(value: object) -> str:
    """JSON that can end no script element, whatever texts it holds; NaN and infinities are null."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Within JSON all three stand in texts only, where an escape means the same.
    for character in "<\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _finite(value: object) -> Any:
    """Replace each number that JSON cannot hold by None."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def hash_of(text: str) -> str:
    """A source in the words of a content security policy (W3C CSP 3, §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
