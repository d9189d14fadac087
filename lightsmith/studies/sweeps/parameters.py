"""One parameter of a sweep, as W&B's YAML describes it, and how Optuna draws it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lightsmith.settings.yaml_files import parse_yaml
from lightsmith.terminal import nearest

if TYPE_CHECKING:
    from optuna import Trial

KEYS = ("value", "values", "min", "max", "q", "distribution", "parameters")
# What each distribution of W&B needs besides its name. Optuna draws no others.
NEEDS = {
    "constant": ("value",),
    "categorical": ("values",),
    "uniform": ("min", "max"),
    "q_uniform": ("min", "max"),
    "int_uniform": ("min", "max"),
    "log_uniform": ("min", "max"),
    "log_uniform_values": ("min", "max"),
}
INSTEAD = {
    "normal": "give uniform with min and max",
    "q_normal": "give q_uniform with min, max and q",
    "log_normal": "give log_uniform_values with min and max",
    "q_log_normal": "give log_uniform_values with min and max",
    "q_log_uniform": "give log_uniform, without q",
    "q_log_uniform_values": "give log_uniform_values, without q",
    "inv_log_uniform": "give log_uniform",
    "inv_log_uniform_values": "give log_uniform_values",
    "categorical_w_probabilities": "give categorical, whose values are equally likely",
    "beta": "give uniform with min and max",
    "q_beta": "give q_uniform with min, max and q",
}


@dataclass(frozen=True)
class Parameter:
    """A setting that a sweep chooses.

    Attributes:
        key: as on the command line, such as ``model.lr``.
        values: what it is chosen from; empty for a range.
        low, high: ends of the range, both part of it.
        step: the grid of the range, from ``low`` on; None for any number.
        log: whether its logarithm is what is drawn evenly.
        whole: whether it is an integer.
    """

    key: str
    values: Sequence[Any] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    whole: bool = False

    def draw(self, trial: Trial) -> Any:
        """Let Optuna draw it, or find what was drawn for this trial before; of values what ``told`` makes of them."""
        if self.values:
            return trial.suggest_categorical(self.key, [told(value) for value in self.values])
        if self.whole:
            step = int(self.step or 1)
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log, step=step)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log, step=self.step)

    @property
    def examples(self) -> list[Any]:
        """The values that show whether an experiment takes it: all of a list, the ends of a range."""
        if self.values:
            return list(self.values)
        return list(map(self._number, (self.low, self.high)))

    @property
    def points(self) -> list[Any] | None:
        """All values, of a list or of a range with steps; None where there is no end of them."""
        if self.values:
            return list(self.values)
        if self.log or not (self.whole or self.step):
            return None
        step = self.step or 1
        count = round((self.high - self.low) / step) + 1
        return [self._number(_after(self.low, step, n)) for n in range(count)]

    def _number(self, value: float) -> float:
        """A value of the range, as an integer where all of them are."""
        return int(value) if self.whole else value

    def option(self, drawn: object) -> str:
        """The option of the command line for a value that Optuna drew or was told."""
        value = next((value for value in self.values if told(value) == drawn), drawn)
        return f"--{self.key}={written(value)}"


def told(value: object) -> Any:
    """A value as Optuna keeps it: numbers, texts, yes and no as they are, lists and others as JSON."""
    if isinstance(value, bool | int | float | str | None):
        return value
    return json.dumps(value)


def written(value: object) -> str:
    """A value as an option's text, which is read as this very value."""
    return value if isinstance(value, str) and parse_yaml(value) == value else json.dumps(value)


def read_parameters(entries: object, above: str = "") -> list[Parameter]:
    """The parameters of a sweep YAML, those nested under ``parameters`` with dotted keys.

    Raises:
        ValueError: naming the parameter, what it has and what would be right.
    """
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"{above or 'parameters'} must name settings, such as model.lr: {{min: 0.001, max: 0.1}}")
    found: list[Parameter] = []
    for name, entry in entries.items():
        key = f"{above}.{name}".lstrip(".").replace(".init_args", "")
        if not isinstance(entry, dict) or not entry:
            raise ValueError(f"{key}={entry} must be a mapping such as {{values: [1, 2]}} or {{min: 0.001, max: 0.1}}")
        _check_keys(key, entry)
        found += read_parameters(entry["parameters"], key) if "parameters" in entry else [_parameter(key, entry)]
    return found


def _check_keys(key: str, entry: Mapping[str, object]) -> None:
    for name in entry:
        if name in ("mu", "sigma", "probabilities"):
            raise ValueError(f"{key}.{name}={entry[name]}: Optuna draws no such distribution; give values, or min, max")
        if name not in KEYS:
            raise ValueError(f"{key} has the unknown key {name}{nearest(str(name), list(KEYS))}")


def _parameter(key: str, entry: Mapping[str, object]) -> Parameter:
    kind = entry.get("distribution") or _guessed(key, entry)
    if kind in INSTEAD:
        raise ValueError(f"{key}.distribution={kind}: Optuna cannot draw it; {INSTEAD[kind]}")
    if kind not in NEEDS:
        raise ValueError(f"{key}.distribution={kind} is not known{nearest(str(kind), list(NEEDS))}")
    if lacking := [name for name in NEEDS[kind] if name not in entry]:
        raise ValueError(f"{key}: distribution {kind} needs {' and '.join(lacking)}")
    if kind in ("constant", "categorical"):
        return Parameter(key, _values(key, entry, kind))
    return _range(key, entry, kind)


def _guessed(key: str, entry: Mapping[str, object]) -> str:
    """The distribution that W&B takes where none is named."""
    if "value" in entry:
        return "constant"
    if "values" in entry:
        return "categorical"
    if "min" not in entry or "max" not in entry:
        raise ValueError(f"{key} has neither value, values nor min and max: it has {', '.join(map(str, entry))}")
    if "q" in entry:
        return "q_uniform"
    whole = all(type(entry[end]) is int for end in ("min", "max"))
    return "int_uniform" if whole else "uniform"


def _values(key: str, entry: Mapping[str, object], kind: str) -> list[Any]:
    values = [entry["value"]] if kind == "constant" else entry["values"]
    if not isinstance(values, list) or not values:
        raise ValueError(f"{key}.values={values} must be a list of one or more")
    repeated = [value for n, value in enumerate(values) if written(value) in map(written, values[:n])]
    if repeated:
        raise ValueError(f"{key}.values={values} has {repeated[0]} twice")
    return values


def _range(key: str, entry: Mapping[str, Any], kind: str) -> Parameter:
    for end in ("min", "max"):
        if isinstance(entry[end], bool) or not isinstance(entry[end], (int, float)) or not math.isfinite(entry[end]):
            raise ValueError(f"{key}.{end}={entry[end]} is not a number")
    low, high = (math.exp(entry[end]) if kind == "log_uniform" else entry[end] for end in ("min", "max"))
    if low >= high:
        raise ValueError(f"{key}: min={entry['min']} must be below max={entry['max']}")
    if kind == "log_uniform_values" and low <= 0:
        raise ValueError(f"{key}: min={low} must be above 0, as its logarithm is drawn")
    whole = kind == "int_uniform" or (kind == "q_uniform" and all(type(n) is int for n in (low, high, entry.get("q"))))
    if kind == "int_uniform" and any(end != int(end) for end in (low, high)):
        raise ValueError(f"{key}: min={low} and max={high} of int_uniform must be whole numbers")
    step = None
    if kind == "q_uniform":
        step = _step(key, entry, low, high)
        high = _after(low, step, math.floor((high - low) / step + 1e-9))
    ends = (low, high) if whole else (float(low), float(high))
    return Parameter(key, (), *ends, step=step, log=kind.startswith("log"), whole=whole)


def _step(key: str, entry: Mapping[str, object], low: float, high: float) -> float:
    step = entry.get("q", 1)
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not 0 < step <= high - low:
        raise ValueError(f"{key}.q={step} must be above 0, and at most max - min = {high - low}")
    return step


def _after(low: float, step: float, steps: int) -> float:
    """The number that many steps above ``low``, as it is written: 0.3, not 0.30000000000000004."""
    return float(Decimal(str(low)) + steps * Decimal(str(step)))
