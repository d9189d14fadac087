"""Masked language modelling with transformers' Trainer at its best: length grouping, fused AdamW, dropout off.

As its example run_mlm.py does it with --line_by_line: a text is a sample, DataCollatorForLanguageModeling hides 15% of
its tokens, and all states go through the head. Settings are otherwise those of bert_trainer.py.
"""

from __future__ import annotations

from pathlib import Path

import torch
from datasets import Dataset
from jsonargparse import auto_cli
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

from benchmarks.baselines.bert_trainer import BATCH_SIZE, LENGTH, Record, most_steps
from benchmarks.baselines.recording import first
from datamodules.review_wordpieces import ReviewWordPieces
from lightning_modules.networks.encoders import minilm_folder


def main(data: str, output: Path, seed: int = 1, max_samples: int | None = None) -> None:
    """Train for one epoch or ``max_samples``; the learning rate and its schedule are those of bert_pretraining.yaml."""
    torch.manual_seed(seed)
    reviews = ReviewWordPieces(source=data)
    reviews.follow("nothing")
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
    texts = first(reviews.source_found.splits["train"], max_samples)
    ids = tokenizer(list(texts.items), truncation=True, max_length=LENGTH)["input_ids"]
    arguments = TrainingArguments(
        output_dir=str(output.parent / "trainer"),
        num_train_epochs=1,
        max_steps=most_steps(max_samples),
        per_device_train_batch_size=BATCH_SIZE,
        learning_rate=2e-4,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        bf16=torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported(),
        use_cpu=not torch.cuda.is_available(),
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        save_strategy="no",
        report_to="none",
        seed=seed,
    )
    record = Record(output)
    trainer = Trainer(
        AutoModelForMaskedLM.from_pretrained(
            minilm_folder(), attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0
        ),
        arguments,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
        train_dataset=Dataset.from_dict({"input_ids": ids, "length": [len(row) for row in ids]}),
        callbacks=[record],
    )
    trainer.train()
    record.recording.finish()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
