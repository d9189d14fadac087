"""`make report-picture`: docs/report.png, a picture of a run's page as Chromium shows it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from jsonargparse import auto_cli
from PIL import Image

from lightsmith.reports.page_file import write_page
from lightsmith.reports.run_page import run_page
from lightsmith.terminal import one_line

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
WIDTH, HEIGHT = 1000, 1180  # pixels of the part that is shown
COLOURS = 128


def report_picture(run: Path) -> None:
    """Write the picture.

    Args:
        run: folder of a finished run.

    Raises:
        ValueError: there is no such run, or no Chromium.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise ValueError("no chromium is installed, which the picture is made with")
    with tempfile.TemporaryDirectory() as scratch:
        page, whole = Path(scratch) / "report.html", Path(scratch) / "whole.png"
        write_page(page, run_page(run.resolve()))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000"]
        size = f"--window-size={WIDTH},{HEIGHT}"
        command = [chromium, *flags, size, f"--screenshot={whole}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        Image.open(whole).convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(PICTURE, optimize=True)
    print(f"Wrote {PICTURE.relative_to(Path.cwd())}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    try:
        auto_cli(report_picture, as_positional=False)
    except ValueError as error:
        sys.exit(one_line(error))
