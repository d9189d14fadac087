"""What no task uses is not imported, and everything that one uses is."""

import gc
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

from lightsmith.process.fast_imports import installed_packages, nothing_collected

ROOT = Path(__file__).parents[3]
HEAVY = (
    *("transformers", "torchvision", "scipy", "datasets", "sklearn"),
    *("torch._dynamo", "sympy", "wandb.sdk.launch", "wandb.apis.public"),
)
SCRIPT = """
import sys
import cli
code = cli.main(["run", "--config=experiments/_defaults.yaml", "--config=experiments/mnist_mlp.yaml",
                 "--data.train_size=100", "--trainer.max_epochs=1", "--folder=" + sys.argv[1]])
print(code, *sorted(set(sys.modules) & set(sys.argv[2:])))
"""
COMPILED = """
import sys
from lightsmith.process.fast_imports import import_lightning
import_lightning()
from lightning.fabric.wrappers import OptimizedModule
import torch
plain = torch.nn.Linear(1, 1)
before = isinstance(plain, OptimizedModule), "torch._dynamo" in sys.modules
compiled = torch.compile(plain)
print(before, isinstance(plain, OptimizedModule), isinstance(compiled, OptimizedModule))
optimizer = torch.optim.SGD(compiled.parameters(), 0.1)
compiled(torch.ones(1, 1)).sum().backward()
optimizer.step()
optimizer.zero_grad()
print(plain.weight.grad, torch.compiler.disable(plain.forward) == plain.forward)
"""


def test_digits_are_learnt_without_importing_what_texts_photographs_and_compiling_need(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "run"), *HEAVY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    (requirements,) = (tmp_path / "run" / "wandb").glob("*run-*/files/requirements.txt")
    assert f"torch=={version('torch')}" in requirements.read_text().splitlines()
    (table,) = (tmp_path / "run" / "wandb").glob("*run-*/files/media/table/test/worst_*.table.json")
    assert json.loads(table.read_text())["columns"] == ["label", "prediction", "confidence", "index"]


@pytest.mark.slow
def test_a_compiled_network_is_still_known_as_one() -> None:
    done = subprocess.run([sys.executable, "-c", COMPILED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(False, False) False True", "None False"]


def test_every_installed_package_is_listed_as_its_metadata_says() -> None:
    expected = {(package.metadata["Name"], package.version) for package in distributions()}
    assert {(package.key, package.version) for package in installed_packages()} == expected
    assert ("torch", version("torch")) in expected


def test_weights_and_biases_still_asks_for_the_packages_there() -> None:
    from wandb import util

    assert callable(util.working_set)


def test_what_is_imported_is_left_out_of_later_searches_for_garbage() -> None:
    gc.unfreeze()
    sys.modules.pop("colorsys", None)
    try:
        with nothing_collected():
            assert not gc.isenabled()
        assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
        with nothing_collected():
            import_module("colorsys")
        assert gc.get_freeze_count() > 0
    finally:
        gc.freeze()  # as it was
