"""Data sets of the Hugging Face hub: their names, the revision that one has now, and the tables in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from datamodules.sources.hub import HUB_TIMEOUT_SECONDS, why_unreachable
from datamodules.sources.source import SPLIT_NAMES, first_line

CACHE = Path("data") / "hub"
PREFIX = "hub:"
NAMED = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
LONGEST_REASON = 200


class HubTables(NamedTuple):
    """The Arrow files of a data set by split, and (split, reason) of those that are not used."""

    splits: dict[str, list[Path]]
    ignored: list[tuple[str, str]]


def names_hub(source: str) -> bool:
    """Return whether a ``data.source`` names a data set of the hub, as in ``hub:owner/name``."""
    return source.startswith(PREFIX)


def pin(source: str) -> str:
    """Name the commit that a data set's revision has now: ``hub:owner/name@commit``.

    Args:
        source: ``hub:owner/name`` or ``hub:owner/name@revision``, a branch, tag or commit.

    Raises:
        ValueError: no such name or revision; or the hub is out of reach, and it was never downloaded.
    """
    found = NAMED.fullmatch(source)
    if found is None:
        raise ValueError(f"data.source={source!r} must be hub:owner/name or hub:owner/name@revision")
    name, revision = found["name"], found["revision"]
    given = revision is not None and COMMIT.fullmatch(revision)
    return f"{PREFIX}{name}@{revision if given else _commit(source, name, revision)}"


def _commit(source: str, name: str, revision: str | None) -> str:
    """Ask the hub; if it is out of reach, what was downloaded last is meant."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        commit = HfApi().dataset_info(name, revision=revision, timeout=HUB_TIMEOUT_SECONDS).sha
    except RevisionNotFoundError as error:
        raise ValueError(f"data.source={source!r}: {name} has no revision {revision!r} on the hub") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(f"data.source={source!r}: the hub has no data set {name}, or a private one") from error
    except Exception as error:  # whatever a network, or none, makes of it
        commit = _downloaded(name) if revision is None else None
        if commit is None:
            raise ValueError(
                f"data.source={source!r} could not be reached on the Hugging Face hub ({first_line(error)}); "
                "DATA=sample and DATA=<path> work offline"
            ) from error
    assert commit is not None
    return commit


def _downloaded(name: str) -> str | None:
    """The commit of a data set that was downloaded last, if any was."""
    folders = CACHE.glob(f"{name.replace('/', '___')}/*/*/*")
    commits = [folder for folder in folders if COMMIT.fullmatch(folder.name)]
    return max(commits, key=lambda folder: folder.stat().st_mtime).name if commits else None


def read_hub(pinned: str) -> HubTables:
    """The Arrow files that the library datasets makes of a data set, downloaded once into data/.

    Args:
        pinned: ``owner/name@revision``.

    Raises:
        ValueError: it cannot be fetched, or only another revision of it was downloaded.
    """
    import datasets

    name, _, revision = pinned.partition("@")
    if reason := why_unreachable("dataset", name, revision or None):
        datasets.config.HF_HUB_OFFLINE = True  # a copy of its own
        datasets.logging.set_verbosity_error()  # it would warn that it takes what it has, which is checked below
    try:
        found = datasets.load_dataset(name, revision=revision or None, cache_dir=str(CACHE))
    except Exception as error:
        said = " ".join(str(reason or error).split())[:LONGEST_REASON] or first_line(reason or error)
        raise ValueError(
            f"data.source=hub: {name} could not be fetched from the Hugging Face hub ({said}); DATA=sample and "
            "DATA=<path> work offline"
        ) from error
    files = {split: [Path(part["filename"]) for part in found[split].cache_files] for split in found}
    if reason is not None:
        _check_revision(name, revision, files)
    used = {split: there for split, names in SPLIT_NAMES.items() for there in names if there in files}
    ignored = [(split, "a split that is none of train, val and test") for split in files if split not in used.values()]
    return HubTables({split: files[there] for split, there in used.items()}, ignored)


def _check_revision(name: str, revision: str, files: dict[str, list[Path]]) -> None:
    """Refuse what datasets takes where the hub is out of reach: whatever revision it downloaded last."""
    there = {path.parent.name for paths in files.values() for path in paths}
    if COMMIT.fullmatch(revision) and revision not in there:
        raise ValueError(
            f"data.source=hub: {name} is here at revision {', '.join(sorted(there))}, not at {revision}, and the "
            "Hugging Face hub cannot be reached"
        )
