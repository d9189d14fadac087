"""`ship-weights`: turn a cifar_resnet run into the backbone that Lightsmith ships."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from datamodules.batches.encoded_cache import sha256
from lightning_modules.networks.backbones import EMBEDDED_WEIGHTS
from lightsmith.checkpoints.rebuild import read_checkpoint
from lightsmith.records.results import read_results
from lightsmith.run_folder import BEST_CHECKPOINT

CARD = """# The embedded backbone: cifar_resnet

| | |
|---|---|
| network | CifarResNet (He et al. 2015, §4.2), {parameters:,} parameters, weights rounded to fp16 |
| trained on | CIFAR-10 (Krizhevsky 2009), {train:,} images, fingerprint of the splits {fingerprint} |
| made by | `make pretrained DATA=<folder with CIFAR-10>`, seed {seed}, commit {git_commit}{dirty} |
| test accuracy | {accuracy:.4f} on {test:,} images, before rounding |
| fit | {seconds:.0f} s, {epochs} epochs, {device} {precision}, torch {torch} |
| sha256 | {sha256} |
"""


def ship_weights(run: Path) -> None:
    """Write the best checkpoint of a cifar_resnet run as fp16 safetensors, with a card that says how it was made.

    Args:
        run: a run folder such as runs/cifar_resnet/latest.

    Raises:
        ValueError: not a finished run of cifar_resnet.
    """
    results = read_results(run)
    if results.experiment != "cifar_resnet":
        raise ValueError(f"--run={run} is a run of {results.experiment}; give one of cifar_resnet")
    state = read_checkpoint(run / BEST_CHECKPOINT)["state_dict"]
    network = {key.removeprefix("network.1."): value for key, value in state.items() if key.startswith("network.1.")}
    half = {key: value.half().contiguous() if value.is_floating_point() else value for key, value in network.items()}
    EMBEDDED_WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(half, EMBEDDED_WEIGHTS)
    EMBEDDED_WEIGHTS.with_suffix(".md").write_text(_card(results.as_json()), encoding="utf-8")
    size = EMBEDDED_WEIGHTS.stat().st_size
    print(f"{EMBEDDED_WEIGHTS.name}: {sum(map(torch.numel, half.values())):,} values, {size / 1e6:.2f} MB")


def _card(results: dict[str, dict[str, object]]) -> str:
    # The environment comes last: its precision is meant, not the test's.
    fields = {**results["fit"], **results["test"], **results["data"], **results["model"], **results["environment"]}
    dirty = " with uncommitted changes" if fields["git_dirty"] else ""
    fields |= {"seed": results["seed"], "dirty": dirty, "sha256": sha256(EMBEDDED_WEIGHTS)}
    return CARD.format(**fields)
