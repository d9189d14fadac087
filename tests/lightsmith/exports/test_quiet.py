import logging
import warnings

import pytest

from lightsmith.exports.quiet import quiet


def test_notes_are_silent_and_errors_and_other_warnings_are_not(caplog: pytest.LogCaptureFixture) -> None:
    with quiet():
        logging.getLogger("torch.onnx").warning("a note")
        logging.getLogger("torch.onnx").error("an error")
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="look here"):  # pytest turns what is not ignored into errors
            warnings.warn("look here", UserWarning, stacklevel=1)
    assert caplog.messages == ["an error"]


def test_all_is_as_before_once_it_ends_however_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no"), quiet():
        raise ValueError("no")
    logging.getLogger("torch.onnx").warning("a note")
    assert caplog.messages == ["a note"]
