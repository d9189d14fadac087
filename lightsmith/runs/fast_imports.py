"""Importing Lightning in half the time, without the optional parts of torchmetrics that no task uses."""

from __future__ import annotations

import re
from unittest.mock import patch

# What torchmetrics imports, if it is installed, for metrics on generated texts and images, audio, and plots.
HEAVY = {"transformers", "torchvision", "scipy", "matplotlib", "nltk", "librosa", "onnxruntime", "torchaudio"}


def import_torchmetrics() -> None:
    """Import torchmetrics as if the heavy packages were not installed; call it before anything imports Lightning.

    In this process torchmetrics then lacks BERTScore, FID and the like, which say so when they are used.
    """
    from lightning_utilities.core import imports

    check, installed = imports.RequirementCache._check_requirement, imports.package_available

    def left_out(requirement: imports.RequirementCache) -> None:
        name = re.match(r"[\w-]*", requirement.requirement or "")
        if name and name[0] in HEAVY:
            requirement.available, requirement.message = False, f"Lightsmith imports torchmetrics without {name[0]}"
        else:
            check(requirement)

    with (
        patch.object(imports.RequirementCache, "_check_requirement", left_out),
        patch.object(imports, "package_available", lambda name: name not in HEAVY and installed(name)),
    ):
        import torchmetrics  # noqa: F401  # for what stays imported
