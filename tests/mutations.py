"""Mistakes by the thousand: the shipped YAMLs and command lines, each changed at random in a place or two."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

from lightsmith.settings.experiments import EXPERIMENTS

# bert_classifier seldom: reading its weights takes most of a second.
NAMES = ["mnist_mlp"] * 9 + ["cifar_cnn"] * 4 + ["resnet_transfer"] * 4 + ["imdb_lstm"] * 2 + ["bert_classifier"]
WRONG: list[Any] = [
    None, True, False, 0, -1, 3, 10**12, 10**30, -(10**30), 0.5, -0.5, 1e308, float("nan"), float("inf"), "1e999",
    "", " ", "abc", "null", "None", "[1, 2", "{", "3 4", "\t", "\u202etxt", "😀", "naïve", "\u0000", "\uff41" * 5,
    "x" * 5000,
    [], [[]], [1, "a"], [None], {}, {"a": 1}, {"class_path": None}, {"class_path": "abc"}, {"init_args": {"a": 1}},
    {"class_path": "os.system", "init_args": {"command": "true"}}, {3: 4}, [{"a": [{"b": {}}]}], "../..", "/dev/null",
    "https://example.org/x.yaml", "2026-99-99", "${oc.env:HOME}", "!!python/name:os.system", "@file", "--x", "~", ".",
]  # fmt: skip
CLASSES = [
    "callbacks.nope.Nope", "Nope", "os.system", "torch.load", "torch.nn.Linear", "torch", "lightning.pytorch.Trainer",
    "lightning_modules.mnist_mlp.MnistMLP", "datamodules.mnist.MNIST", "callbacks.measure_fit.MeasureFit",
    "lightning_modules.mnist_mlp.mnistmlp", "lightning_modules.classifier.Classifier", "datamodules.images.ImageData",
    "lightning_modules.mnist_mlp.MnistMLP.load_from_checkpoint", "a..b", ".",
    "lightsmith.runs.experiment.ExperimentCLI",
]  # fmt: skip
OPTIONS = [
    "model.lr", "model.optimizer", "model.schedule", "model.momentum", "model.dropout", "model.warmup_fraction",
    "data.source", "data.batch_size", "data.train_size", "data.val_fraction", "data.num_workers", "data.split_seed",
    "trainer.max_epochs", "trainer.max_steps", "trainer.precision", "trainer.accelerator", "trainer.devices",
    "trainer.callbacks", "trainer.callbacks+", "trainer.logger", "trainer.strategy", "trainer.gradient_clip_val",
    "trainer.limit_train_batches", "trainer.accumulate_grad_batches", "trainer.plugins", "trainer.profiler",
    "trainer.fast_dev_run", "trainer.check_val_every_n_epoch", "trainer.val_check_interval", "trainer.max_time",
    "seed_everything", "loggers", "runs", "resume", "ckpt_path", "config", "model", "data", "trainer",
    "model.init_args.lr",
]  # fmt: skip

# What the lines about some options say instead of their names.
ANSWERS = {"config": ["experiment"], "ckpt_path": ["checkpoint", "experiment"]}


@dataclass
class Mistake:
    """A YAML and options with something wrong in them, and the words of which an answer must hold one.

    One of the wrong values is a dict with a number for a key.
    """

    experiment: str
    text: bytes
    options: list[str]
    words: set[str] = field(default_factory=lambda: {"unknown key 3"})


def mistakes(seed: int, count: int) -> Iterator[Mistake]:
    """Reproducible from the seed."""
    random = Random(seed)
    for _ in range(count):
        name = random.choice(NAMES)
        settings = yaml.safe_load((EXPERIMENTS / f"{name}.yaml").read_text())
        mistake = Mistake(name, b"", [])
        for _ in range(random.choice([1, 1, 1, 2])):
            kind = random.choice([change_setting, change_setting, change_setting, change_text, change_option])
            if kind is change_setting:
                change_setting(random, settings, mistake)
        mistake.text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=random.random() < 0.5).encode()
        if len(mistake.words) == 1:
            random.choice([change_text, change_option])(random, mistake)
        yield mistake


def places(settings: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys that lead to each setting."""
    found = [keys] if keys else []
    items = (
        settings.items() if isinstance(settings, dict) else enumerate(settings) if isinstance(settings, list) else ()
    )
    for key, value in items:
        found += places(value, (*keys, key))
    return found


def change_setting(random: Random, settings: dict[str, Any], mistake: Mistake) -> None:
    """Change one value, key or section."""
    keys = random.choice(places(settings) or [()])
    if not keys:
        return
    parent = settings
    for key in keys[:-1]:
        parent = parent[key]
    mistake.words |= {str(key) for key in keys if key not in ("init_args", "class_path", "callbacks+")} | {
        "class",
        "callback",
    }
    random.choice(CHANGES)(random, parent, keys[-1], mistake)


def wrong_value(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    parent[key] = copy.deepcopy(random.choice(CLASSES if key == "class_path" else WRONG))


def wrong_list(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    parent[key] = [parent[key], copy.deepcopy(random.choice(WRONG))]


def wrapped(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    parent[key] = {random.choice([key, "value", "init_args", "class_path"]): parent[key]}


def misspelt(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    if isinstance(parent, dict):
        name = typo(random, str(key))
        parent[name] = parent.pop(key)
        mistake.words |= {name}


def added(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    if isinstance(parent, dict):
        name = random.choice(
            [typo(random, str(key)), "nonsense", 7, None, "", "a.b", "init_args", "class_path", "__class__", "+"]
        )
        parent[name] = copy.deepcopy(random.choice(WRONG))
        mistake.words |= {str(name) or "own.yaml", repr(name)}


def removed(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    del parent[key]


def swapped(random: Random, parent: Any, key: Any, mistake: Mistake) -> None:
    other = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    parent[key], parent[other] = parent[other], parent[key]
    mistake.words |= {str(other)}


Change = Callable[[Random, Any, Any, Mistake], None]
CHANGES: list[Change] = [
    wrong_value,
    wrong_value,
    wrong_value,
    wrong_list,
    wrapped,
    misspelt,
    misspelt,
    added,
    removed,
    swapped,
]


def typo(random: Random, word: str) -> str:
    """One letter dropped, doubled, replaced or swapped with its neighbour."""
    at = random.randrange(max(1, len(word)))
    head, letter, tail = word[:at], word[at : at + 1], word[at + 1 :]
    return random.choice(
        [
            head + tail,
            head + letter * 2 + tail,
            head + random.choice("xé_.A ") + tail,
            head + tail[:1] + letter + tail[1:],
        ]
    )


def change_text(random: Random, mistake: Mistake) -> None:
    """Damage the file itself."""
    text, at = mistake.text, random.randrange(len(mistake.text))
    lines = text.splitlines(keepends=True)
    line = random.randrange(len(lines))
    noise = random.choice(
        [
            b"\t",
            b"\0",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b": ",
            b"[",
            b"}",
            b"*a",
            b"&a ",
            b"!!x ",
            b"- ",
            b"#",
            b"'",
            b"%",
            b"@",
            b"\r",
        ]
    )
    mistake.text = random.choice([
        text[:at],
        text[:at] + noise + text[at:],
        text[:at] + text[at + 1 :],
        b"".join([*lines[:line], lines[line], *lines[line:]]),
        b"".join([*lines[:line], b" " + lines[line], *lines[line + 1 :]]),
        b"".join([*lines[:line], lines[line].lstrip(), *lines[line + 1 :]]),
        text.replace(b":", b"=", 1),
        text * 2,
    ])  # fmt: skip
    mistake.words |= {
        "own.yaml",
        "Spaces not allowed in keys",
        *(word.strip(b"- :").decode(errors="ignore") for piece in lines for word in piece.split(b":")[:1]),
    }


def change_option(random: Random, mistake: Mistake) -> None:
    """Add an option with a wrong name, value or form."""
    name = random.choice(OPTIONS)
    if random.random() < 0.3:
        name = typo(random, name)
    value = random.choice([*WRONG, *CLASSES])
    text = (
        value
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
    )
    form = random.choice(["--{}={}"] * 6 + ["--{} {}", "--{}", "-{}={}", "{}={}", "---{}={}", "--{}=={}"])
    option = form.format(name, text.replace("\0", ""))
    mistake.options = option.split(" ", 1) if form == "--{} {}" else [option]
    mistake.words |= {
        name,
        name.rpartition(".")[2],
        name.rstrip("+").rpartition(".")[2],
        option,
        *ANSWERS.get(name, ""),
    }
    mistake.words |= set(option.lstrip("-").replace("=", " ").split(" ")[:1]) - {""}
    if option.startswith("-c"):  # -coonfig=x is -c oonfig=x
        mistake.words.add("experiment")
