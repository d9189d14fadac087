"""Names of libraries that an upgrade may take away without a word: private ones, and modules that no page documents.

Each is listed here with where it comes from. A new one in the code fails the first test, one that a library no longer
has the second. `make lock ARGS=--upgrade` and `make test` are how to upgrade.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from typing import Any

import pytest

from tests.product_files import ROOMS, product_files, syntax_tree

# By owner, a class or a module: what is used of it, or is a part of the states that it writes.
PRIVATE = {
    "argparse._ActionsContainer": {"_option_string_actions"},
    "datasets.arrow_dataset.Dataset": {"_data_files"},  # in state.json
    "datasets.features.features": {"_type"},  # in dataset_info.json
    "lightning.pytorch.LightningModule": {"_current_fx_name"},
    "lightning.pytorch.Trainer": {"_accelerator_connector", "_logger_connector"},
    "lightning.pytorch.callbacks.EarlyStopping": {"_evaluate_stopping_criteria"},
    "lightning.pytorch.callbacks.ModelCheckpoint": {"_every_n_train_steps"},
    "lightning.pytorch.callbacks.WeightAveraging": {"_average_model", "_swap_models"},
    "lightning.pytorch.cli.LightningCLI": {
        "_parse_ckpt_path", "_prepare_subcommand_kwargs", "_run_subcommand", "_set_seed",
    },
    "lightning.pytorch.loggers.WandbLogger": {"_wandb_init"},
    "lightning.pytorch.loops.fit_loop": {"_FitLoop"},
    "lightning.pytorch.loops.fit_loop._FitLoop": {"_can_stop_early", "_data_fetcher", "_should_accumulate"},
    "lightning.pytorch.loops.training_epoch_loop": {"_TrainingEpochLoop"},
    "lightning.pytorch.loops.training_epoch_loop._TrainingEpochLoop": {
        "_batches_that_stepped", "_num_ready_batches_reached", "_results", "_should_check_val_fx",
    },
    "lightning.pytorch.strategies.launchers.subprocess_script": {"_launch_process_observer"},
    "lightning.pytorch.trainer.connectors.logger_connector.logger_connector._LoggerConnector": {"_first_loop_iter"},
    "lightning_utilities.core.imports.RequirementCache": {"_check_requirement"},
    "torch": {"_dynamo", "_foreach_norm"},
    "torch.Tensor": {"_version"},
    "torch.nn.Conv2d": {"_conv_forward"},
    "torch.nn.Module": {"_forward_hooks"},
    "torch.ops.mkldnn": {"_is_mkldnn_bf16_supported"},
    "transformers.PretrainedConfig": {"_name_or_path"},  # in config.json
    "wandb.Run": {"_detect_and_apply_job_inputs"},
    "wandb.apis.public.runs": {"_wandb"},  # its notes in a run's configuration
    "wandb_workspaces.reports.v2.Report": {"_to_model"},
    "wandb_workspaces.workspaces.Workspace": {"_to_model"},
}  # fmt: skip
UNDOCUMENTED = {
    "lightning.fabric.plugins.io.torch_io": {"TorchCheckpointIO"},
    "lightning.pytorch.callbacks.early_stopping": {"EarlyStoppingReason"},
    "lightning.pytorch.loops.fit_loop": {"_FitLoop"},
    "lightning.pytorch.loops.training_epoch_loop": {"_TrainingEpochLoop"},
    "lightning.pytorch.strategies.launchers": {"subprocess_script"},
    "lightning.pytorch.trainer.states": {"TrainerFn"},
    "lightning_utilities.core": {"imports"},
    "onnxruntime.capi": {"onnxruntime_pybind11_state"},
    "torch._dynamo.exc": {"UserError"},
    "torch.utils.flop_counter": {"FlopCounterMode"},
    "torchvision.models.resnet": {"BasicBlock", "Bottleneck"},
    "transformers.integrations.sdpa_attention": {"sdpa_attention_forward"},
    "transformers.masking_utils": {"sdpa_mask"},
}
DOCUMENTED = {  # modules with a page of their own
    "huggingface_hub.errors",
    "datasets", "huggingface_hub", "jsonargparse", "lightning", "onnx", "onnx_ir", "onnxruntime", "onnxscript", "peft",
    "torch", "torch_pruning", "torchmetrics", "torchvision", "transformers", "wandb",
    "lightning.fabric.plugins.environments", "lightning.pytorch", "lightning.pytorch.accelerators",
    "lightning.pytorch.callbacks", "lightning.pytorch.cli", "lightning.pytorch.loggers",
    "lightning.pytorch.plugins.precision", "lightning.pytorch.profilers", "lightning.pytorch.strategies",
    "lightning.pytorch.utilities", "lightning.pytorch.utilities.exceptions", "lightning.pytorch.utilities.rank_zero",
    "onnx_ir.passes.common", "onnxruntime.quantization", "torch.distributed", "torch.nn.attention",
    "torch.nn.functional", "torch.optim", "torch.optim.lr_scheduler", "torch.utils.data",
    "torchao.quantization.pt2e", "torchmetrics.classification", "torchmetrics.utilities", "torchvision.models",
    "torchvision.transforms", "transformers.utils", "wandb_workspaces", "wandb_workspaces.reports.v2",
    "wandb_workspaces.workspaces",
}  # fmt: skip
HELD = {name.partition(".")[0] for name in DOCUMENTED | UNDOCUMENTED.keys()}
OF_NAMED_TUPLES = {"_asdict", "_fields", "_replace"}  # which Python documents
# Of ours: names of files in experiments/, ends of names, and a method of a class of ours that another extends.
OWN = {"_compression", "_dashboards", "_defaults", "_column", "_difference", "_embed"}
OF_WEIGHTS = {  # names of tensors in the file of EfficientNet-Lite0's weights
    "_blocks", "_bn0", "_bn1", "_bn2", "_conv_head", "_conv_stem", "_depthwise_conv", "_expand_conv", "_fc",
    "_project_conv",
}  # fmt: skip
PRIVATE_NAME = re.compile(r"_[A-Za-z]\w*")
DEFINED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def own_names(tree: ast.Module) -> set[str]:
    """Private names that a file defines itself: functions that it calls, classes, variables, attributes."""
    nodes = list(ast.walk(tree))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and not _of_super(node)}
    used |= {node.id for node in nodes if isinstance(node, ast.Name)}
    found = {node.name for node in nodes if isinstance(node, DEFINED) and node.name in used}
    found |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    found |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    stored = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return found | {node.attr for node in stored if ast.unparse(node.value) in ("self", "cls")}


def _of_super(node: ast.Attribute) -> bool:
    return ast.unparse(node.value) == "super()"


def foreign_names(tree: ast.Module) -> set[str]:
    """Private names that a file takes from elsewhere: as an attribute, as text, by an import, by an override."""
    inside_texts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    own, found = own_names(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (_of_super(node) or node.attr not in own):
            found |= {node.attr} if ast.unparse(node.value) != "os" else set()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside_texts:
            found.add(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found |= {node.name} - own  # which nothing here calls, so a library does
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] not in ROOMS:
            found |= {*str(node.module).split("."), *(alias.name for alias in node.names)}
    return {name for name in found if PRIVATE_NAME.fullmatch(name)} - OF_NAMED_TUPLES - OWN - OF_WEIGHTS


def library_imports() -> dict[str, set[str]]:
    """Names that the product imports from the libraries held here, by module; none for a module as a whole."""
    found: dict[str, set[str]] = {}
    for node in (node for file in product_files() for node in ast.walk(syntax_tree(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, set())
        elif isinstance(node, ast.ImportFrom):
            found.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    return {module: names for module, names in found.items() if module.partition(".")[0] in HELD}


def resolved(path: str) -> Any:
    """The module or class of a dotted path."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            found = getattr(found, name)
        return found
    raise ImportError(path)


def has(owner: Any, name: str) -> bool:
    """Whether a class or module has a name, or its source speaks of it, as of an attribute that instances get."""
    if hasattr(owner, name):
        return True
    places = owner.__mro__[:-1] if isinstance(owner, type) else [owner]
    return any(re.search(rf"\b{name}\b", inspect.getsource(place)) for place in places)


def test_every_private_name_in_use_is_listed() -> None:
    used = {file: foreign_names(syntax_tree(file)) for file in product_files()}
    listed = {name for names in PRIVATE.values() for name in names}
    assert {file: sorted(names - listed) for file, names in used.items() if names - listed} == {}
    assert sorted(listed - {name for names in used.values() for name in names}) == [], "no longer in use"


def test_every_module_without_a_page_is_listed() -> None:
    imported = library_imports()
    assert {module: names for module, names in imported.items() if module not in DOCUMENTED} == UNDOCUMENTED


@pytest.mark.parametrize("owner", PRIVATE)
def test_a_library_still_has_the_private_names_in_use(owner: str) -> None:
    missing = [name for name in PRIVATE[owner] if not has(resolved(owner), name)]
    assert missing == [], f"an upgrade took {', '.join(missing)} of {owner} away"


@pytest.mark.parametrize("module", UNDOCUMENTED)
def test_a_library_still_has_the_modules_without_a_page(module: str) -> None:
    found = import_module(module)
    missing = [name for name in UNDOCUMENTED[module] if not hasattr(found, name)]
    assert missing == [], f"an upgrade took {', '.join(missing)} of {module} away"
