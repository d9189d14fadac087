import warnings

import pytest
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lightsmith.runs.lightning_messages import plain_messages


def test_what_lightning_calls_a_misconfiguration_is_a_mistake_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^no such thing, as it is$"), plain_messages():
        raise MisconfigurationException("no such\n thing, as it is")


def test_advice_that_does_not_apply_is_quiet_and_all_other_is_heard() -> None:
    with plain_messages():  # pytest lets each warning that it hears be an error
        warnings.warn("The 'val_dataloader' does not have many workers which may be a bottleneck.", stacklevel=1)
    with pytest.raises(UserWarning, match="something new"), plain_messages():
        warnings.warn("something new", stacklevel=1)
