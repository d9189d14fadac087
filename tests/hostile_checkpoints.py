"""Checkpoints made to do harm, each written from a good one: see tests/lightsmith/checkpoints/test_rebuild.py."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Write = Callable[[Path, dict[str, Any], Path], None]
HOSTILE: dict[str, Write] = {}
REMOTE = "https://evil.example/x"


class Call:
    """Unpickles to a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def payloads(canary: Path) -> dict[str, Call]:
    """Ways to leave a file behind, if anybody calls them."""
    return {
        "open": Call(open, str(canary), "w"),
        "system": Call(os.system, f"touch {canary}"),
        "exec": Call(exec, f"open({str(canary)!r}, 'w')"),
        "eval": Call(eval, f"open({str(canary)!r}, 'w')"),
        "popen": Call(subprocess.Popen, ["touch", str(canary)]),
        "touch": Call(Path.touch, canary),
        "tofile": Call(np.ndarray.tofile, np.zeros(1), str(canary)),
        "torch_save": Call(torch.save, 1, str(canary)),
    }


def hostile(name: str) -> Callable[[Write], Write]:
    def add(write: Write) -> Write:
        HOSTILE[name] = write
        return write

    return add


def changed(name: str, *keys: str, value: Any) -> None:
    """A checkpoint with another value at nested keys; a function makes it of the checkpoint and the canary's path."""

    def write(path: Path, good: dict[str, Any], canary: Path) -> None:
        new = value(good, canary) if callable(value) else value
        place = good
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = new
        torch.save(good, path)

    HOSTILE[name] = write


for place in ("state_dict", "hyper_parameters", "callbacks", "optimizer_states", "lightsmith"):
    for kind in ("open", "system"):
        changed(f"{kind} as {place}", place, value=lambda _, canary, kind=kind: payloads(canary)[kind])
for kind in ("exec", "eval", "popen", "touch", "tofile", "torch_save"):
    changed(f"{kind} in hyper_parameters", "hyper_parameters", "lr", value=lambda _, c, kind=kind: payloads(c)[kind])

changed("_instantiator", "hyper_parameters", "_instantiator", value="os.system")
changed("_class_path", "hyper_parameters", "_class_path", value="os.system")
changed("unknown hyper-parameter", "hyper_parameters", "__class__", value="os.system")
changed("os.system as model", "lightsmith", "model", value="os.system")
changed("a function as model", "lightsmith", "model", value="lightning_modules.classifier.class_path")
changed("a re-exported class", "lightsmith", "model", value="lightning_modules.classifier.LightningModule")
changed("no such module", "lightsmith", "model", value="lightning_modules.nope.Nope")
changed("a relative module", "lightsmith", "model", value="lightning_modules...os.system")
changed("a number as model", "lightsmith", "model", value=3)
changed("no names", "lightsmith", value=[])
changed("an unknown operation", "lightsmith", "operations", value=[{"kind": "os.system", "options": {}}])
changed("an operation that is a text", "lightsmith", "operations", value=["os.system"])
for kept in (3, {"1.head": {"out": [99]}}, {"nowhere": {"out": [0]}}, {"1.head": {"out": list(range(10)) * 2}}):
    options = {"kept": kept}
    changed(f"channels {kept}", "lightsmith", "operations", value=[{"kind": "remove_channels", "options": options}])
changed("operations that are a number", "lightsmith", "operations", value=3)
changed("a list of weights", "state_dict", value=[torch.zeros(1)])
changed("a number among weights", "state_dict", "network.1.layers.0.weight", value=7)
changed("a number as a weight's name", "state_dict", 7, value=torch.zeros(1))  # type: ignore[arg-type]
changed(
    "a weight of no size",
    "state_dict",
    value=lambda good, _: {k: v.flatten()[:0] for k, v in good["state_dict"].items()},
)
changed("a weight without memory", "state_dict", "x", value=torch.empty(10**6, 10**6, device="meta"))
changed("a weight of 4 TB", "state_dict", "x", value=torch.zeros(1).expand(10**6, 10**6))
changed(
    "a sparse weight",
    "state_dict",
    "x",
    value=torch.sparse_coo_tensor(torch.tensor([[0], [0]]), torch.ones(1), (10**9, 10**9), check_invariants=True),
)
changed(
    "a moment of 4 TB", "optimizer_states", value=[{"state": {0: {"exp_avg": torch.zeros(1).expand(10**6, 10**6)}}}]
)
changed("a network of 10¹² units", "hyper_parameters", "hidden_features", value=(10**12,))
changed("classes without names", "hyper_parameters", "class_names", value=3)
changed("weights from a URL", "hyper_parameters", "pretrained", value=REMOTE)
changed("data from a URL", "datamodule_hyper_parameters", "source", value=REMOTE)
changed("data that is a list", "datamodule_hyper_parameters", value=[])
changed("unknown data", "lightsmith", "data", value="datamodules.sources.source.Path")
changed("loops of text", "loops", value={"fit_loop": "x", "validate_loop": 3, "test_loop": None, "predict_loop": {}})
changed("an epoch of text", "epoch", value="3")
changed("a version of text", "pytorch-lightning_version", value="../../etc")
changed("moments of text", "optimizer_states", value=[{"state": "x", "param_groups": "y"}])
changed("a schedule of text", "lr_schedulers", value=[{"get_lr": "x", "lr_lambdas": [{"func": "os.system"}]}])


@hostile("best model behind a URL")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    for state in good["callbacks"].values():
        if "best_model_path" in state:
            state["best_model_path"] = REMOTE
    torch.save(good, path)


@hostile("a file elsewhere to remove")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    for state in good["callbacks"].values():
        if "best_model_path" in state:
            state["kth_best_model_path"] = f"{path.parent}/../../../precious"
    torch.save(good, path)


@hostile("values that multiply")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    laughs: list[Any] = ["ha"] * 10
    for _ in range(60):
        laughs = [laughs, laughs]
    torch.save({**good, "callbacks": {"laughs": laughs}}, path)


@hostile("a list that holds itself")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    torch.save({**good, "loops": {"fit_loop": loop}}, path)


@hostile("legacy pickle")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    torch.save({**good, "epoch": payloads(canary)["open"]}, path, _use_new_zipfile_serialization=False)


@hostile("bare pickle")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    path.write_bytes(pickle.dumps(payloads(canary)["system"]))


@hostile("TorchScript")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    module = torch.export.export(torch.nn.Linear(1, 1), (torch.zeros(1),))
    torch.export.save(module, path)


@hostile("NumPy objects")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, np.array([payloads(canary)["open"]], dtype=object))


@hostile("truncated")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    torch.save(good, path)
    path.write_bytes(path.read_bytes()[:-1000])


@hostile("empty")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    path.write_bytes(b"")


@hostile("text")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    path.write_text("import os; os.system('true')")


def rezipped(path: Path, good: dict[str, Any], change: Callable[[str, bytes], tuple[str, bytes]], method: int) -> None:
    """A good checkpoint whose archive is written anew, with other names or contents."""
    buffer = io.BytesIO()
    torch.save(good, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w", method) as new:
        for entry in old.infolist():
            new.writestr(*change(entry.filename, old.read(entry)))


@hostile("zip bomb")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    def swell(name: str, content: bytes) -> tuple[str, bytes]:
        return name, content + bytes(10**8 if name.endswith("data/0") else 0)

    rezipped(path, good, swell, zipfile.ZIP_DEFLATED)


@hostile("100 GB declared")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    rezipped(path, good, lambda name, content: (name, content), zipfile.ZIP_STORED)
    archive = bytearray(path.read_bytes())
    entry = archive.rfind(b"PK\x01\x02")  # the directory's last entry; its sizes stand at 20 and 24
    archive[entry + 24 : entry + 28] = (0xFFFF_FFF0).to_bytes(4, "little")
    path.write_bytes(archive)


@hostile("paths that leave the archive")
def _(path: Path, good: dict[str, Any], canary: Path) -> None:
    rezipped(path, good, lambda name, content: (f"../../../{canary.name}/{name}", content), zipfile.ZIP_STORED)
