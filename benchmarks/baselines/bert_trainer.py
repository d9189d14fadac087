"""BERT fine-tuning with transformers' Trainer at its best: bf16, length grouping, fused AdamW, attention dropout off.

Attention dropout is off because Lightsmith has it off, too: on a CPU it costs two thirds of the speed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from jsonargparse import auto_cli
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.baselines.recording import Recording, first
from datamodules.review_wordpieces import ReviewWordPieces
from lightning_modules.networks.encoders import minilm_folder

LENGTH, BATCH_SIZE = 256, 16


class Record(TrainerCallback):
    """Hands the figures to the recording."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.recording: Recording

    def on_train_begin(self, *_: object, **__: object) -> None:
        self.recording = Recording(self.output)

    def on_step_end(self, *_: object, **__: object) -> None:
        self.recording.stepped(BATCH_SIZE)

    def on_evaluate(self, *_: object, **event: Any) -> None:
        if "eval_accuracy" in event["metrics"]:
            self.recording.validated(event["metrics"]["eval_accuracy"])


def main(data: str, output: Path, seed: int = 1, max_samples: int | None = None) -> None:
    """Train for one epoch or ``max_samples``; the learning rate and its schedule are those of bert_classifier.yaml."""
    torch.manual_seed(seed)
    reviews = ReviewWordPieces(source=data)
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())

    def encode(split: str) -> Dataset:
        examples = first(reviews.source_found.splits[split], max_samples)
        ids = tokenizer(list(examples.items), truncation=True, max_length=LENGTH)["input_ids"]
        lengths = [len(row) for row in ids]
        return Dataset.from_dict({"input_ids": ids, "labels": examples.labels.tolist(), "length": lengths})

    model = AutoModelForSequenceClassification.from_pretrained(
        minilm_folder(), num_labels=reviews.num_classes, attention_probs_dropout_prob=0.0
    )
    arguments = TrainingArguments(
        output_dir=str(output.parent / "trainer"),
        num_train_epochs=1,
        max_steps=most_steps(max_samples),
        per_device_train_batch_size=BATCH_SIZE,
        per_device_eval_batch_size=4 * BATCH_SIZE,
        learning_rate=1e-4,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        bf16=torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported(),
        use_cpu=not torch.cuda.is_available(),
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        eval_strategy="no" if max_samples else "epoch",
        save_strategy="no",
        report_to="none",
        seed=seed,
    )
    record = Record(output)
    trainer = Trainer(
        model,
        arguments,
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=encode("train"),
        eval_dataset=encode("val"),
        compute_metrics=_accuracy,
        callbacks=[record],
    )
    trainer.train()
    test = None if max_samples else trainer.evaluate(encode("test"), metric_key_prefix="test")["test_accuracy"]
    record.recording.finish(test)


def most_steps(max_samples: int | None) -> int:
    """The number of steps that transformers' Trainer stops after, of which -1 is no limit."""
    return -1 if max_samples is None else max_samples // BATCH_SIZE


def _accuracy(evaluated: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((np.asarray(evaluated.predictions).argmax(1) == evaluated.label_ids).mean())}


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
