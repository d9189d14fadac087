import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value
from tokenizers import Tokenizer

from tests.conftest import Cli, Outcome

SHORT = ("--trainer.max_epochs=1", "--loggers=[csv]", "--trainer.precision=32-true")
WORDS = (
    "--data=datamodules.review_words.ReviewWords",
    "--model.pretrained=null",
    "--model.embedding_dim=8",
    "--model.hidden_size=8",
    "--model.lr=0.05",
    "--data.batch_size=8",
)


def pictures(folder: Path, *names: str, count: int = 20) -> Path:
    """Class folders of grey images, the first class the darkest."""
    rng = np.random.default_rng(0)
    for brightness, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for n in range(count):
            pixels = rng.integers(0, 60, (28, 28)) + 190 * brightness // max(len(names) - 1, 1)
            PIL.Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{n}.png")
    return folder


def reviews(count: int, *common: str) -> dict[str, list[str]]:
    """Texts of which one word decides, among words that are the same in each."""
    texts = [f"{' '.join(common)} {('awful', 'brilliant')[n % 2]} {n}" for n in range(count)]
    return {"text": texts, "label": [("bad", "good")[n % 2] for n in range(count)]}


def metrics(outcome: Outcome) -> dict[str, str]:
    """What a command printed at its end of each metric."""
    assert (outcome.code, outcome.err) == (0, "")
    return dict(re.findall(r"│\s+((?:test|val)/\w+)\s+│\s+([\d.e-]+)\s+│", outcome.out))


def written(folder: Path) -> list[tuple[Path, Path | None]]:
    """All that lies in a folder, and where its links point."""
    return [(path, path.readlink() if path.is_symlink() else None) for path in sorted(folder.rglob("*"))]


def results(name: str) -> dict[str, Any]:
    """results.json of the newest run."""
    found: dict[str, Any] = json.loads(Path(f"runs/{name}/latest/results.json").read_text())
    return found


def assert_refused(outcome: Outcome, *parts: str) -> None:
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome
    assert all(part in outcome.err for part in parts), outcome.err


def test_another_set_of_classes_is_refused_by_every_verb_and_leaves_no_trace(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    pets = pictures(tmp_path / "pets", "cat", "dog")
    assert experiment("mnist_mlp", *SHORT, f"--data.source={pets}").code == 0
    (pets / "dog").rename(pets / "ant")
    before, best = written(tmp_path / "runs"), "runs/mnist_mlp/latest/checkpoints/best.ckpt"
    options = (*SHORT, f"--data.source={pets}", f"--ckpt_path={best}")
    for verb in ("test", "validate", "predict", "fit"):
        outcome = experiment("mnist_mlp", *options, verb=verb)
        assert_refused(outcome, "the model knows cat, dog; the data has ant, cat. New: ant. Missing: dog.", str(pets))
    latest = "runs/mnist_mlp/latest"
    resumed = lightsmith("run", f"-c={latest}/config.yaml", f"--resume={latest}", "--trainer.max_epochs=2")
    assert_refused(resumed, "the model knows cat, dog; the data has ant, cat")
    exported = lightsmith("export", f"--run={latest}")
    assert_refused(exported, "the model knows cat, dog; the data has ant, cat")
    assert written(tmp_path / "runs") == before


def test_the_same_classes_and_words_in_another_order_give_the_same_figures(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    rows = reviews(60, "a", "film")
    labels = [("good", "bad").index(label) for label in rows["label"]]
    features = Features({"text": Value("string"), "label": ClassLabel(names=["good", "bad"])})
    table = Dataset.from_dict({"text": rows["text"], "label": labels}, features)
    table.to_parquet("declared.parquet")
    Dataset.from_dict(rows).to_csv("alphabetical.csv")
    trained = experiment("imdb_lstm", *WORDS, *SHORT, "--trainer.max_epochs=4", "--data.source=declared.parquet")
    assert trained.code == 0
    options = (*WORDS, *SHORT, "--ckpt_path=runs/imdb_lstm/latest/checkpoints/best.ckpt")
    state = torch.load(options[-1].partition("=")[2], weights_only=True)["ReviewWords"]
    declared = metrics(experiment("imdb_lstm", *options, "--data.source=declared.parquet", verb="test"))
    alphabetical = metrics(experiment("imdb_lstm", *options, "--data.source=alphabetical.csv", verb="test"))
    assert declared == alphabetical
    assert float(declared["test/accuracy"]) == 1

    shorter = experiment("imdb_lstm", *options, "--data.max_tokens=5", "--data.source=alphabetical.csv", verb="test")
    assert "changed    data.max_tokens: 5 here, while the model was trained with 400" in shorter.out
    assert "changed" not in trained.out

    # The most frequent words of these texts are others, so a vocabulary counted anew would give other ids.
    Dataset.from_dict(reviews(60, "the", "the", "novel", "novel", "was", "was")).to_csv("novels.csv")
    novels = metrics(experiment("imdb_lstm", *options, "--data.source=novels.csv", verb="validate"))
    assert float(novels["val/accuracy"]) == 1
    still = ("--model.lr=1e-12", "--data.source=novels.csv", "--init_from=runs/imdb_lstm/latest")
    begun = experiment("imdb_lstm", *WORDS, *SHORT, *still)
    tokens = len(Tokenizer.from_str(state["tokenizer"]).get_vocab())
    assert f"with its tokenizer ({tokens} tokens)" in begun.out
    assert results("imdb_lstm")["test"]["accuracy"] == 1
    resume = ("--data.max_vocabulary=9", "--data.source=novels.csv", "--resume=runs/imdb_lstm/latest")
    assert_refused(experiment("imdb_lstm", *WORDS, *SHORT, *resume), "data.max_vocabulary=9: the run began with 20000")


def test_a_run_does_not_go_on_with_data_that_has_changed_under_its_path(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    pets = pictures(tmp_path / "pets", "cat", "dog")
    assert experiment("mnist_mlp", *SHORT, "--data.source=pets").code == 0
    latest = Path("runs/mnist_mlp/latest")
    run = latest.resolve()
    resume = ("run", f"-c={latest}/config.yaml", f"--resume={latest}")
    shutil.copytree(pets, tmp_path / "moved")
    shutil.copy(pets / "cat" / "0.png", pets / "dog" / "0.png")
    before = written(tmp_path / "runs")
    for changed in ((), ("--data.source=moved", "--data.train_size=10")):
        outcome = lightsmith(*resume, "--trainer.max_epochs=2", *changed)
        assert_refused(outcome, f"/{run.name}: its data, or an option", "has changed since", "give --init_from=runs/")
    assert written(tmp_path / "runs") == before
    assert lightsmith(*resume, "--trainer.max_epochs=2", "--data.source=moved").code == 0
    assert results("mnist_mlp")["fit"]["epochs"] == 2

    for path in (latest / "checkpoints").glob("*.ckpt"):  # as earlier versions saved them
        checkpoint = torch.load(path, weights_only=True)
        del checkpoint["lightsmith"]["fingerprint"]
        torch.save(checkpoint, path)
    (latest / "checkpoints" / "manifest.json").unlink()
    assert lightsmith(*resume, "--trainer.max_epochs=3").code == 0


@pytest.mark.slow
def test_a_new_run_takes_the_head_along_only_with_the_classes_that_it_was_trained_on(
    experiment: Cli, tmp_path: Path
) -> None:
    pets = pictures(tmp_path / "pets", "cat", "dog")
    weighted = "--model.class_weights=[1, 1.5]"  # of which another set of classes would need another number
    assert experiment("mnist_mlp", *SHORT, "--data.source=pets", "--trainer.max_epochs=3", weighted).code == 0
    run = Path("runs/mnist_mlp/latest").resolve()
    old = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    start = (*SHORT, "--model.lr=1e-12", "--model.optimizer=sgd", f"--init_from={run}/checkpoints/last.ckpt")
    head = ["network.1.head.weight", "network.1.head.bias"]
    for name, classes in (("insects", ("ant", "bee")), ("three", ("ant", "cat", "dog"))):
        pictures(tmp_path / name, *classes)
        outcome = experiment("mnist_mlp", *start, f"--data.source={name}")
        assert (outcome.code, outcome.err) == (0, "")
        assert f"but for {', '.join(head)}, the head of other classes (2 classes: cat, dog)" in outcome.out
        new = torch.load("runs/mnist_mlp/latest/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        assert all(torch.allclose(new[key], old[key], atol=1e-6) for key in old if key not in head)
        assert not any(torch.equal(new[key], old[key]) for key in head)

    files = [(path, name) for name in ("cat", "dog") for path in sorted((pets / name).iterdir())]
    features = Features({"image": Image(), "label": ClassLabel(names=["dog", "cat"])})
    images = [{"bytes": path.read_bytes(), "path": None} for path, _ in files]
    labels = [("dog", "cat").index(name) for _, name in files]
    Dataset.from_dict({"image": images, "label": labels}, features).to_parquet("declared.parquet")
    outcome = experiment("mnist_mlp", *start, "--data.source=declared.parquet")
    assert "but for" not in outcome.out
    assert "with its head, whose order of the classes counts (2 classes: cat, dog)" in outcome.out
    assert results("mnist_mlp")["test"]["accuracy"] == 1
    assert results("mnist_mlp")["data"]["classes"] == ["cat", "dog"]
