"""Who races whom: for each experiment Lightsmith, the tutorial, and the strongest that one would write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Args:
        name: in the table and the plot.
        command: of a baseline, what follows the Python interpreter; of a Lightsmith run, its options. {data}, {seed},
            {output} and {weights} (a ResNet-18) are filled in. A baseline writes its figures to {output}.
        quick: further options that cut the race short, for QUICK=1.
        repeats: at most so many; 1 for what does not vary.
        experiment: that of a Lightsmith run; None for a baseline.
    """

    name: str
    command: tuple[str, ...]
    quick: tuple[str, ...] = ()
    repeats: int | None = None
    experiment: str | None = None


@dataclass(frozen=True)
class Race:
    """Contenders on one data set.

    Args:
        folder: of the data set, below DATA.
        target: validation accuracy, 0…1, to which the seconds are counted.
    """

    folder: str
    contenders: tuple[Contender, ...]
    target: float | None = None


def lightsmith(name: str, experiment: str, *options: str, quick: tuple[str, ...] = ()) -> Contender:
    """A run of an experiment with its defaults but for the options."""
    fixed = ("--data.source={data}", "--seed_everything={seed}")
    return Contender(name, (*fixed, *options), quick, experiment=experiment)


def baseline(
    name: str, script: str, *options: str, quick: tuple[str, ...] = (), repeats: int | None = None
) -> Contender:
    """A script of benchmarks/baselines."""
    fixed = ("--data={data}", "--output={output}", "--seed={seed}")
    return Contender(name, ("-m", f"benchmarks.baselines.{script}", *fixed, *options), quick, repeats)


def steps(train: int) -> tuple[str, ...]:
    """Options that end a Lightsmith run after so many batches, and evaluate two: 1 would mean all, as a share."""
    limits = {"train": train, "val": 2, "test": 2}
    return ("--trainer.max_epochs=1", *(f"--trainer.limit_{split}_batches={n}" for split, n in limits.items()))


RESNET18 = (
    "--model.backbone=resnet18",
    "--data.image_size_px=224",
    "--data.crop_padding_px=0",
    "--model.weights={weights}",
)
FROZEN = ("--model.freeze_backbone=true", "--trainer.max_epochs=25", "--model.optimizer=adam", "--model.lr=0.001")


def mnist_loop(name: str, *options: str) -> Contender:
    """The network and recipe of mnist_mlp in a bare loop, 512 digits a step."""
    fixed = ("--experiment=mnist_mlp", "--batch_size=512")
    return baseline(name, "hand_loop", *fixed, *options, quick=("--max_samples=162000",))


RACES = {
    "mnist_mlp": Race(
        "mnist",
        (
            lightsmith("Lightsmith", "mnist_mlp"),
            lightsmith("Lightsmith, batch 512", "mnist_mlp", "--data.batch_size=512"),
            mnist_loop("hand-written loop, batch 512"),
            mnist_loop("Lightning alone, batch 512", "--lightning=true"),
            baseline("Lightning's defaults, batch 512", "mnist_lightning", "--epochs=2", quick=("--epochs=1",)),
            baseline("tutorial", "mnist_tutorial", "--until=0.98", quick=("--max_samples=20000",)),
        ),
        target=0.98,
    ),
    "cifar_cnn": Race(
        "cifar10",
        (
            lightsmith("Lightsmith", "cifar_cnn", quick=steps(train=40)),
            baseline("hand-written loop", "hand_loop", "--experiment=cifar_cnn", quick=("--max_samples=10240",)),
            lightsmith(
                "Lightsmith, wide tutorial network",
                "cifar_cnn",
                "--model.network=tutorial",
                "--model.optimizer=sgd",
                "--model.lr=0.05",
                "--data.batch_size=512",
                quick=steps(train=25),
            ),
            baseline("tutorial, wide network", "cifar_tutorial", "--max_samples=45000", quick=("--max_samples=900",)),
        ),
    ),
    "imdb_lstm": Race(
        "imdb",
        (
            lightsmith("Lightsmith", "imdb_lstm", quick=steps(train=40)),
            baseline("TF-IDF, logistic regression", "imdb_tfidf", repeats=1),
            baseline("tutorial", "imdb_tutorial", "--until=0.85", quick=("--max_samples=320",)),
        ),
        target=0.85,
    ),
    "bert_classifier": Race(
        "imdb",
        (
            lightsmith("Lightsmith", "bert_classifier", quick=steps(train=16)),
            baseline("transformers' Trainer at its best", "bert_trainer", quick=("--max_samples=256",)),
            baseline("tutorial", "bert_tutorial", "--max_samples=1600", quick=("--max_samples=16",)),
        ),
    ),
    "bert_pretraining": Race(
        "imdb",
        (
            lightsmith("Lightsmith", "bert_pretraining", quick=steps(train=16)),
            baseline("transformers' Trainer, its masked-LM tutorial", "mlm_trainer", quick=("--max_samples=256",)),
        ),
    ),
    "resnet_transfer": Race(
        "hymenoptera",
        (
            lightsmith("Lightsmith, frozen", "resnet_transfer", *RESNET18, *FROZEN),
            baseline("tutorial, frozen", "resnet_tutorial", "--weights={weights}", quick=("--epochs=1",)),
            lightsmith(
                "Lightsmith, fine-tuning", "resnet_transfer", *RESNET18, "--trainer.max_epochs=2", quick=steps(6)
            ),
            baseline(
                "tutorial, fine-tuning",
                "resnet_tutorial",
                "--weights={weights}",
                "--freeze=false",
                "--epochs=2",
                quick=("--max_samples=128",),
            ),
        ),
    ),
}
