"""What no task uses is not imported, and everything that one uses is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("transformers", "torchvision", "scipy", "datasets", "sklearn")
SCRIPT = """
import sys
import cli
code = cli.main(["run", "--config=experiments/_defaults.yaml", "--config=experiments/mnist_mlp.yaml",
                 "--data.train_size=100", "--trainer.max_epochs=1", "--loggers=[csv]", "--runs=" + sys.argv[1]])
print(code, *sorted(set(sys.modules) & set(sys.argv[2:])))
"""


def test_digits_are_learnt_without_importing_what_texts_and_photographs_need(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "runs"), *HEAVY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
