"""An experiment that is built and checked as a run is, and that leaves nothing behind."""

from __future__ import annotations

from lightsmith.runs.experiment import ExperimentCLI


class BuiltCLI(ExperimentCLI):
    """An experiment that is built, checked, and neither recorded nor run."""

    def record(self, *_: object) -> None:
        """Write nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Train nothing."""
