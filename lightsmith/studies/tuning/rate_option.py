"""The option by which an experiment's learning rate is set, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

CALLED_SO = re.compile(r"(^|[._])(lr|learning_rate)$")
NO_RATE = ("data.", "trainer.")  # groups of options that say nothing of the optimizer


class RateOption(NamedTuple):
    """An option such as ``model.lr``, and its value in the experiment."""

    key: str
    value: float


def find_rate_option(settings: Iterable[tuple[str, object]], rates: Sequence[float]) -> RateOption:
    """The option whose value is the rate of an optimizer's group; of several, the one that is called so.

    Args:
        settings: (dotted key, value) of everything that is set.
        rates: of the groups, without a schedule.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = [
        RateOption(key, float(value))
        for key, value in settings
        if isinstance(value, int | float) and float(value) in rates and not key.startswith(NO_RATE)
    ]
    called_so = [option for option in found if CALLED_SO.search(option.key)]
    chosen = called_so if len(found) > 1 else found
    if len(chosen) != 1:
        names = ", ".join(option.key for option in chosen or found)
        which = f"any of {names} may set it" if names else "no option has that value"
        raise ValueError(f"the optimizer's learning rate is {rates[0]:g}, and {which}: tune needs the one that does")
    return chosen[0]
