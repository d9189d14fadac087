"""The exported folder of a run, made where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lightsmith.exports.exported_files import is_exported
from lightsmith.run_folder import BEST_CHECKPOINT

CLI = Path(__file__).parents[2] / "cli.py"
FOLDERS = ("export-onnx-int8", "export-onnx-fp32")  # the first that is there


def exported_folder(run: Path) -> Path | None:
    """The folder itself, or that of a run; None if it is exported now and its proof fails.

    Exporting needs torch, and so is done by another process, which prints what it proved.

    Raises:
        ValueError: neither an exported folder nor a run.
    """
    found = found_export(run)
    if found is not None:
        return found
    if not (run / BEST_CHECKPOINT).is_file():
        raise ValueError(f"--run={run} is neither a folder that export wrote nor a run with {BEST_CHECKPOINT}")
    code = subprocess.run([sys.executable, str(CLI), "export", f"--run={run}"], check=False).returncode
    return run / FOLDERS[-1] if code == 0 else None


def found_export(run: Path) -> Path | None:
    """The folder itself, or the first that there is of a run; None if it is not exported."""
    return next((folder for folder in (run, *(run / name for name in FOLDERS)) if is_exported(folder)), None)
