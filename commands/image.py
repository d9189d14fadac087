"""`image`: what a container image of a service is built from, and files that run it."""

from __future__ import annotations

from pathlib import Path

from lightsmith.deployment.build_context import write_context
from lightsmith.serving.exported_run import exported_folder
from lightsmith.terminal import shown


def image(run: Path, output: Path | None = None, name: str | None = None) -> int:
    """Write a folder to build a service's image from, with files for Compose, Kubernetes and systemd.

    Nothing is built here. A run that is not exported is exported and proved first. The folder's README.md has the
    commands, docs/serving.md explains them.

    Args:
        run: a folder that ``export`` wrote, or a run folder such as runs/mnist_mlp/latest.
        output: the folder to write, which must not exist; by default ``image`` in the run folder.
        name: of the image; by default ``lightsmith-`` and the experiment, such as lightsmith-mnist-mlp.

    Returns:
        Exit code: 0, or 1 if the run could not be proved.

    Raises:
        ValueError: no such folder, one whose proof failed, an output that exists, or a name that no image can have.
    """
    folder = output or _home(run) / "image"
    if folder.exists():  # found before a run is exported
        raise ValueError(f"{folder} exists: remove it, or name another folder by --output")
    export = exported_folder(run)
    if export is None:
        return 1
    service = write_context(export, folder, name or f"lightsmith-{_home(run).parent.name.replace('_', '-')}")
    print(f"written    {shown(folder)}/  (its README.md says how it is built and run)")
    print(f"next       docker build -t {service.name}:{service.tag} {shown(folder)}")
    return 0


def _home(run: Path) -> Path:
    """The run's own folder, also of a link to it, or of an export within it."""
    found = run.resolve()
    return found.parent if found.name.startswith("export-") else found
