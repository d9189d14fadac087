"""The page at /: one HTML file that asks this service and nobody else."""

from __future__ import annotations

from pathlib import Path

from lightsmith.reports.page_file import hash_of

PAGE = Path(__file__).parent / "page"
# The page may run its own script and style, ask this service, show the images that it was given, and nothing else.
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_and_policy() -> tuple[str, str]:
    """The HTML, and its content security policy for a header."""
    page, style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("page.html", "style.css", "page.js"))
    html = page.replace("{{style}}", style).replace("{{script}}", script)
    return html, POLICY.format(script=hash_of(script), style=hash_of(style))
