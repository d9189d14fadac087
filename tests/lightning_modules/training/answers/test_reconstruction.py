from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answer_kinds import answer_from
from lightning_modules.training.answers.reconstruction import Reconstruction


def test_a_reconstruction_is_an_error_and_latents_that_lines_hold_when_asked_for() -> None:
    answer = Reconstruction(latents=2)
    images = np.array([[[[0, 255]]], [[[255, 0]]]], dtype=np.uint8)  # (2, 1, 1, 2)
    outputs = np.array([[-90.0, 90.0, 0.5, -1.5, 7.0, 7.0], [-90.0, 90.0, 0.0, 2.0, 7.0, 7.0]], dtype=np.float32)
    predictions = answer.predictions(outputs, [images])  # of a variational one: what follows the latents is left
    assert predictions.tolist() == [[0.0, 0.5, -1.5], [1.0, 0.0, 2.0]]
    assert answer.columns == ["reconstruction_error", "latent_1", "latent_2"]
    assert answer.line(predictions[0]) == {"reconstruction_error": 0.0}
    asked = answer.with_latents()
    assert asked.header == ["reconstruction_error", "latent_1", "latent_2", "error"]
    assert asked.cells(predictions[1]) == {"reconstruction_error": 1.0, "latent_1": 0.0, "latent_2": 2.0, "error": ""}
    assert answer_from(json.loads(json.dumps(asked.settings))) == answer


def test_only_an_autoencoder_has_latents() -> None:
    with pytest.raises(ValueError, match="--latents=true is for autoencoders"):
        ClassProbabilities(["a", "b"]).with_latents()


@pytest.mark.parametrize("latents", [0, "3", None, 10**12])
def test_settings_that_are_no_number_of_latents_are_refused(latents: Any) -> None:
    with pytest.raises(ValueError, match="number of latents"):
        answer_from({"kind": "autoencoder", "latents": latents})
