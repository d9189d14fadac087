import re
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from PIL import Image

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
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{n}.png")
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
        assert_refused(outcome, "the model knows cat, dog; the data has ant, cat", str(pets))
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
    declared = metrics(experiment("imdb_lstm", *options, "--data.source=declared.parquet", verb="test"))
    alphabetical = metrics(experiment("imdb_lstm", *options, "--data.source=alphabetical.csv", verb="test"))
    assert declared == alphabetical
    assert float(declared["test/accuracy"]) == 1

    # The most frequent words of these texts are others, so a vocabulary counted anew would give other ids.
    Dataset.from_dict(reviews(60, "the", "the", "novel", "novel", "was", "was")).to_csv("novels.csv")
    novels = metrics(experiment("imdb_lstm", *options, "--data.source=novels.csv", verb="validate"))
    assert float(novels["val/accuracy"]) == 1
    proved = lightsmith("export", "--run=runs/imdb_lstm/latest", "--data=novels.csv", "--output=exported")
    assert (proved.code, "accuracy     1.0000" in proved.out) == (0, True)
