"""docs/callbacks.md says what there is, in snippets that work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from callbacks.unfreeze_backbone import UnfreezeBackbone
from lightning_modules.bert_classifier import BertClassifier
from tests.tiny_task import tiny_trainer

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/callbacks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def default_callbacks() -> list[str]:
    defaults = yaml.safe_load((ROOT / "experiments/_defaults.yaml").read_text(encoding="utf-8"))
    return [entry["class_path"] for entry in defaults["trainer"]["callbacks"]]


def as_config(snippet: str) -> dict[str, Any]:
    """A snippet is either a configuration, or an entry of the list of callbacks."""
    content = yaml.safe_load(snippet)
    return content if isinstance(content, dict) else {"trainer": {"callbacks+": content}}


def test_every_callback_has_a_section() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "callbacks").glob("[!_]*.py")}
    with_callback = {
        stem
        for stem, text in files.items()
        if re.search(r"^class \w+\(\w*(Callback|Checkpoint|Bar)\)", text, re.MULTILINE)
    }
    assert len(with_callback) >= 8
    names = {name.lower(): name for name in SECTIONS}
    for stem in with_callback:
        name = names.get(stem.replace("_", ""), "")
        assert f"`callbacks/{stem}.py`" in SECTIONS.get(name, ""), stem
        assert re.search(rf"^class {name}\(", files[stem], re.MULTILINE)


def test_every_default_callback_has_a_section() -> None:
    for class_path in default_callbacks():
        assert class_path.rpartition(".")[2] in SECTIONS


def test_every_section_is_about_its_snippet() -> None:
    assert SECTIONS
    for name, section in SECTIONS.items():
        (snippet,) = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        (entry,) = as_config(snippet)["trainer"]["callbacks+"]
        assert entry["class_path"].endswith(f".{name}")


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippet_is_accepted_and_adds_its_callback(snippet: str, parse: Callable[..., Any], tmp_path: Path) -> None:
    config = as_config(snippet)
    file = tmp_path / "snippet.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    added = config["trainer"]["callbacks+"]
    callbacks = parse("mnist_mlp", f"--config={file}").trainer.callbacks
    assert [c.class_path for c in callbacks] == default_callbacks() + [entry["class_path"] for entry in added]
    for entry, parsed in zip(added, callbacks[-len(added) :], strict=True):
        for option, value in entry.get("init_args", {}).items():
            assert parsed.init_args[option] == value


def test_snippets_of_defaults_are_entries_so_that_nobody_adds_them_twice() -> None:
    for snippet in SNIPPETS:
        if isinstance(yaml.safe_load(snippet), dict):
            (entry,) = as_config(snippet)["trainer"]["callbacks+"]
            assert entry["class_path"] not in set(default_callbacks()) - {
                "lightning.pytorch.callbacks.ModelCheckpoint"  # one of several is usual
            }


@pytest.mark.parametrize("line", re.findall(r"^make exp .*", TEXT, re.MULTILINE))
def test_command_is_accepted(
    line: str, parse: Callable[..., Any], make_exp: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)  # where it is typed
    given, options = make_exp(line)
    assert len(parse(given["NAME"], *options).trainer.callbacks) > len(default_callbacks())


def test_stages_for_bert_fit_bert() -> None:
    (snippet,) = re.findall(r"```yaml\n(.*?)```", SECTIONS["UnfreezeBackbone"], re.DOTALL)
    settings = yaml.safe_load(snippet)["trainer"]
    sizes = {
        "num_hidden_layers": 6,
        "hidden_size": 8,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "vocab_size": 9,
    }
    model = BertClassifier(class_names=["bad", "good"], encoder_config={"model_type": "bert", **sizes})
    staged = UnfreezeBackbone(**settings["callbacks+"][0]["init_args"])
    staged.setup(tiny_trainer(max_epochs=settings["max_epochs"]), model, "fit")
    assert {name for name, weight in model.named_parameters() if weight.requires_grad} == {
        "network.head.weight",
        "network.head.bias",
    }
    layer = "network.encoder.encoder.layer.{}.output.dense.weight"
    assert [model.lr_scales[layer.format(n)] for n in (5, 4, 0)] == pytest.approx([0.8, 0.64, 0.8**6])


def test_every_part_for_finetuning_is_in_the_table() -> None:
    parts = {path.name for path in (ROOT / "experiments/_finetuning").glob("*.yaml")}
    assert parts == set(re.findall(r"^\| `(\w+\.yaml)` \|", TEXT, re.MULTILINE)) != set()
