from __future__ import annotations

import re

import pytest

from lightsmith.deployment.serving_lock import PACKAGES, serving_lock
from tests.conftest import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_it_is_what_serving_needs_with_hashes_and_without_torch_and_addresses() -> None:
    cut = serving_lock(LOCK)
    names = set(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", cut, re.MULTILINE))
    assert names >= {*PACKAGES, "multidict", "yarl", "protobuf", "typeshed-client"}  # the last are wanted by others
    assert not names & {"torch", "lightning", "transformers", "huggingface-hub", "pandas", "wandb"}
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[\w.-]+==)", cut, flags=re.MULTILINE) if entry)
    assert "://" not in cut
    assert set(cut.splitlines()) <= set(LOCK.splitlines())


def test_a_lock_without_what_is_needed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has no .*onnxruntime.*: run `make lock`"):
        serving_lock(LOCK.replace("\nonnxruntime==", "\nother=="))
