"""Training with adapters of every kind: they are added once, and only they and the head train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from lightning_modules.networks.edits.add_adapters import is_adapter
from lightning_modules.networks.layers.norms import frozen_norms
from lightning_modules.training.editable_module import EditableModule

KINDS = ("add_adapters", "add_lora")  # the edits that add some


def adapt(model: EditableModule, kind: str, options: Mapping[str, object], also_train: Sequence[str], who: str) -> None:
    """Add adapters to a network that has none yet, and freeze everything else; norms keep their statistics.

    Args:
        kind: the edit, one of ``KINDS``.
        options: of that edit.
        also_train: patterns of the names of parameters that train besides.
        who: the callback that asks for it, for messages.

    Raises:
        ValueError: as the edit, a pattern that matches nothing, or other adapters than these are there.
    """
    done = [found for added in KINDS for found in model.options_of(added)]
    if not done:
        model.operate(kind, **options)
    elif done != [dict(options)]:
        raise ValueError(f"{who} is set to {dict(options)}, but the checkpoint has adapters of {done[0]}")
    names = [name for name, _ in model.named_parameters()]
    for pattern in also_train:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{who}'s also_train={pattern!r} matches no parameter; one is called {names[-1]}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = is_adapter(name) or any(fnmatchcase(name, pattern) for pattern in also_train)
    model.rest(who, frozen_norms(model.network))
    model.sync_optimizer()
