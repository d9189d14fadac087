import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from lightning_modules.bert_pretraining import BertPretraining
from tests.conftest import Cli
from tests.plain_run import Moment, assert_reads_the_same, killed_and_resumed, undisturbed
from tests.tiny_bert import save_tiny_bert, write_texts

FEW = ("--loggers=[csv]", "--data.max_tokens=32", "--trainer.precision=32-true")


def options(folder: Path, label: list[str] | None = None) -> tuple[str, ...]:
    """A tiny encoder and few texts, whatever folder a command is typed in."""
    folder.mkdir(exist_ok=True)
    columns = {"label": label} if label else {}
    texts = write_texts(folder / "texts.jsonl", 60, columns=columns)
    return (f"--model.pretrained={save_tiny_bert(folder / 'bert', head=False)}", f"--data.source={texts}", *FEW)


def results_of(run: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((run / "results.json").read_text())
    return results


def test_perplexity_falls_and_is_what_predict_and_evaluate_say_too(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    quick = (*options(tmp_path), "--trainer.max_epochs=6", "--model.lr=0.01")
    outcome = experiment("bert_pretraining", *quick)
    assert (outcome.code, outcome.err) == (0, "")
    assert "no labels are used" in outcome.out
    run = tmp_path / "runs" / "bert_pretraining" / "latest"
    results = results_of(run)
    assert (results["task"], results["headline"]["metric"]) == ("masked_language_model", "perplexity")
    with (run / "metrics.csv").open() as file:
        perplexities = [float(row["val/perplexity"]) for row in csv.DictReader(file) if row["val/perplexity"]]
    assert results["best"]["value"] == pytest.approx(min(perplexities), rel=1e-6)
    assert results["best"]["value"] < 0.8 * perplexities[0]

    # What is kept of each test item has, over all hidden tokens, the perplexity of the test.
    kept = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    tokens, losses = (torch.tensor(kept[name], dtype=torch.float64) for name in ("hidden_tokens", "loss"))
    perplexity = ((tokens * losses).sum() / tokens.sum()).exp().item()
    assert perplexity == pytest.approx(results["test"]["perplexity"], rel=1e-5)
    assert losses.mean().item() == pytest.approx(results["test"]["loss"], rel=1e-5)

    # A text has the same score wherever it stands, and evaluate sums them up.
    lines = (tmp_path / "texts.jsonl").read_text().splitlines()
    texts = tmp_path / "again.jsonl"
    texts.write_text("\n".join(lines[int(item.rpartition(" ")[2])] for item in kept["item"]))
    alone = lightsmith("predict", f"--run={run}", f"--input={texts}", "--output=scores.csv")
    assert (alone.code, alone.err) == (0, "")
    with Path("scores.csv").open(encoding="utf-8-sig") as file:
        assert [float(row["loss"]) for row in csv.DictReader(file)] == pytest.approx(losses.tolist(), rel=1e-5)
    evaluated = lightsmith("evaluate", f"--run={run}", f"--data={texts}")
    assert (evaluated.code, evaluated.err) == (0, "")
    again = results_of(run / "evaluations" / "again.jsonl")["test"]
    assert again["perplexity"] == pytest.approx(perplexity, rel=1e-4)


@pytest.mark.slow
def test_its_encoder_goes_into_a_classifier_and_a_line_says_what_is_taken(experiment: Cli, tmp_path: Path) -> None:
    quick = (*options(tmp_path, label=["good", "bad"]), "--trainer.max_epochs=1")
    assert experiment("bert_pretraining", *quick).code == 0
    run = tmp_path / "runs" / "bert_pretraining" / "latest"
    still = ("--model.lr=1e-12", f"--init_from={run}")
    outcome = experiment("bert_classifier", *quick, *still)
    assert (outcome.code, outcome.err) == (0, "")
    assert "its network.encoder, and nothing else; new is network.head" in outcome.out
    states = [
        torch.load(tmp_path / "runs" / name / "latest/checkpoints/best.ckpt", weights_only=True)["state_dict"]
        for name in ("bert_pretraining", "bert_classifier")
    ]
    shared = [name for name in states[0] if name.startswith("network.encoder.")]
    assert len(shared) > 30
    for name in shared:
        torch.testing.assert_close(states[1][name], states[0][name], rtol=0, atol=1e-9)

    # The other way round: a classifier's encoder goes on learning the language.
    classifier = tmp_path / "runs" / "bert_classifier" / "latest"
    back = experiment("bert_pretraining", *quick, f"--init_from={classifier}")
    assert (back.code, back.err) == (0, "")
    assert "new is network.masking and network.head" in back.out


def test_an_encoder_of_another_size_is_refused_before_anything_is_written(experiment: Cli, tmp_path: Path) -> None:
    quick = (*options(tmp_path, label=["good", "bad"]), "--trainer.max_epochs=1")
    assert experiment("bert_pretraining", *quick).code == 0
    run = tmp_path / "runs" / "bert_pretraining" / "latest"
    outcome = experiment("bert_classifier", *quick, f"--init_from={run}", "--model.pretrained=minilm")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "has another network.encoder" in outcome.err
    assert "give the same --model.pretrained" in outcome.err
    assert not (tmp_path / "runs" / "bert_classifier").exists()


@pytest.mark.slow
def test_a_run_that_was_killed_hides_the_same_tokens_as_an_undisturbed_one(tmp_path: Path) -> None:
    quick = (*options(tmp_path), "--trainer.max_epochs=3", "--model.lr=0.01", "--data.batch_size=8")
    moments = [Moment("on_train_batch_end", 3, "SIGTERM"), Moment("on_validation_batch_start", 12, "SIGKILL")]
    whole = undisturbed(tmp_path / "whole", "bert_pretraining", *quick)
    assert_reads_the_same(whole, killed_and_resumed(tmp_path / "killed", "bert_pretraining", moments, *quick))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.slow
def test_it_exports_with_proof_and_the_folder_scores_texts_alone(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, precision: str
) -> None:
    assert experiment("bert_pretraining", *options(tmp_path), "--trainer.max_epochs=2", "--model.lr=0.01").code == 0
    run = tmp_path / "runs" / "bert_pretraining" / "latest"
    exported = lightsmith("export", f"--run={run}", f"--precision={precision}")
    assert (exported.code, exported.err) == (0, "")
    assert "proof        passed" in exported.out
    folder = run / f"export-onnx-{precision}"
    said = [lightsmith("predict", f"--run={place}", "--text=word1 word2 word3 word4").out for place in (run, folder)]
    if precision == "fp32":
        assert said[0] == said[1]
    assert "hidden tokens 1" in said[1]


def test_norms_biases_and_the_head_have_rates_of_their_own(tmp_path: Path) -> None:
    task = BertPretraining(pretrained=save_tiny_bert(tmp_path), lr=0.1, head_lr_factor=5.0)
    rates = {id(p): group["lr"] for group in task.parameter_groups() for p in group["params"]}
    by_name = {name: rates[id(parameter)] for name, parameter in task.named_parameters()}
    assert {rate for name, rate in by_name.items() if name.startswith("network.head.")} == {0.5}
    assert {rate for name, rate in by_name.items() if name.startswith("network.encoder.")} == {0.1}
    with pytest.raises(ValueError, match=r"model\.head_lr_factor=0 must be above 0"):
        BertPretraining(pretrained=save_tiny_bert(tmp_path), head_lr_factor=0)


def test_an_unset_checkpoint_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.pretrained is unset"):
        BertPretraining(pretrained=None)
