"""Guesses at a mistyped key: by its names in other frameworks, then by its spelling."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

CLOSE = 0.6
# What a setting is called here, and elsewhere. Of several here, the first that the experiment has.
MEANINGS = (
    (("model.lr",), "learning_rate base_lr max_lr init_lr lr0 eta alpha step_size"),
    (("model.weight_decay",), "wd l2 l2_reg decay"),
    (("model.optimizer",), "optim optimizer_name optimiser"),
    (("model.schedule",), "scheduler lr_scheduler lr_scheduler_type lr_schedule sched"),
    (("model.warmup_fraction",), "warmup warmup_ratio warmup_steps warmup_epochs num_warmup_steps"),
    (("model.label_smoothing",), "smoothing label_smoothing_factor"),
    (("model.class_weights",), "class_weight loss_weights loss_weight weights pos_weight"),
    (("model.compile",), "torch_compile jit_compile"),
    (("model.dropout",), "dropout_rate drop_rate drop dropout_p p_dropout hidden_dropout_prob"),
    (
        ("model.hidden_size", "model.hidden_features", "model.widths"),
        "hidden hidden_dim hidden_units hidden_size hidden_layers hidden_layer_sizes units width channels",
    ),
    (("model.num_layers",), "layers n_layers depth num_hidden_layers"),
    (
        ("model.pretrained", "model.weights"),
        "model_name model_name_or_path pretrained pretrained_model weights checkpoint_name encoder",
    ),
    (("model.backbone",), "arch architecture backbone_name"),
    (("model.freeze_backbone",), "freeze frozen freeze_encoder linear_probe"),
    (("data.batch_size",), "bs batch batchsize train_batch_size per_device_train_batch_size per_gpu_batch_size"),
    (
        ("data.max_tokens",),
        "max_length max_len maxlen max_seq_length max_seq_len seq_len seq_length sequence_length block_size",
    ),
    (("data.image_size_px",), "image_size img_size imgsz input_size resolution size crop_size"),
    (("data.resize_px",), "resize resize_size"),
    (("data.horizontal_flip",), "flip hflip random_flip"),
    (("data.num_workers",), "workers dataloader_num_workers n_jobs j"),
    (("data.train_size",), "num_samples n_samples max_samples max_train_samples num_train subset limit"),
    (("data.val_fraction",), "val_split validation_split val_size valid_size val_ratio eval_split"),
    (("data.test_fraction",), "test_split test_size test_ratio"),
    (("data.source",), "dataset dataset_name data_dir data_path data_root dataroot path train_file train_dir input"),
    (("data.text_column",), "text text_col text_field text_column_name sentence_column"),
    (("data.label_column",), "label labels label_col label_field label_column_name target target_column"),
    (
        ("trainer.max_epochs",),
        "epochs epoch num_epochs n_epochs nb_epoch num_train_epochs max_epoch epochs_num iterations",
    ),
    (("trainer.max_steps",), "steps num_steps train_steps max_iters max_iter total_steps"),
    (("trainer.devices",), "gpus num_gpus n_gpu n_gpus num_devices nproc_per_node num_processes"),
    (("trainer.accelerator",), "device gpu cuda use_cuda no_cuda cpu use_cpu"),
    (("trainer.precision=16-mixed",), "fp16 half amp use_amp mixed_precision"),
    (("trainer.precision=bf16-mixed",), "bf16 bfloat16"),
    (("trainer.precision",), "dtype number_format torch_dtype"),
    (("trainer.strategy",), "ddp distributed distributed_backend dist"),
    (
        ("trainer.gradient_clip_val",),
        "clip grad_clip clip_grad clip_norm max_norm max_grad_norm gradient_clip clipnorm",
    ),
    (("trainer.accumulate_grad_batches",), "gradient_accumulation_steps grad_accum accumulate accumulation_steps"),
    (("trainer.log_every_n_steps",), "logging_steps log_interval log_freq log_every print_freq"),
    (("trainer.check_val_every_n_epoch",), "eval_interval val_interval eval_every evaluation_strategy eval_steps"),
    (("trainer.callbacks+=EarlyStopping",), "patience early_stopping early_stop early_stopping_patience"),
    (("callbacks.ModelCheckpoint.save_top_k",), "save_total_limit save_top_k"),
    (("monitor",), "metric metric_for_best_model best_metric"),
    (("seed_everything",), "seed random_seed random_state manual_seed rng_seed"),
    (("runs",), "output_dir out_dir outdir save_dir log_dir logdir default_root_dir work_dir workdir save_path"),
    (("experiment",), "name run_name exp_name experiment_name run"),
    (("loggers",), "logger report_to tracker wandb tensorboard"),
    (("resume",), "resume_from resume_from_checkpoint continue checkpoint ckpt"),
    (("init_from",), "finetune finetune_from load_from load_weights initial_weights"),
)


def hint(key: str, known: Sequence[str]) -> str:
    """A question that offers the known keys nearest to an unknown one; empty if none is near.

    By meaning first, then the same option of another group, then the most similar one, if there is one of its group.

    Args:
        key: dotted, such as model.learning_rate.
        known: every key that there is.
    """
    group, _, name = key.rpartition(".")
    name = name.lower().replace("-", "_").strip("_ ")
    found = [other for other in known if _letters(other) == _letters(key)]
    meant = [here for offered, elsewhere in MEANINGS if name in elsewhere.split() for here in offered]
    found += [here for here in meant if _exists(here, known) and here != key]
    found += [other for other in known if other.rpartition(".")[2] == name]
    own = [other for other in known if other.rpartition(".")[0] == group]
    for candidates in () if meant else (own, known):  # what is called so elsewhere is no misspelling
        names = {other.rpartition(".")[2]: other for other in reversed(candidates)}
        found += [names[close] for close in get_close_matches(name, names, n=1, cutoff=CLOSE)]
    return f"; did you mean {found[0]}?" if found else ""


def _letters(key: str) -> str:
    """A key without what joins its words."""
    return re.sub(r"[-_.]", "", key.lower())


def _exists(key: str, known: Sequence[str]) -> bool:
    """Return whether an offer, which may have a value and may be of a callback, is of a key that there is."""
    plain = key.partition("=")[0].rstrip("+")
    return plain in known or plain.startswith("callbacks.")
