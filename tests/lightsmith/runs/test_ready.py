import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.measure_fit import MeasureFit
from lightsmith.runs.ready import check_callbacks


def test_a_run_without_best_checkpoint_or_measurement_is_refused() -> None:
    best, other, measured = ModelCheckpoint(filename="best"), ModelCheckpoint(), MeasureFit()
    check_callbacks([measured, best])
    for callbacks in ([best], [measured], [measured, other]):
        with pytest.raises(ValueError, match=r"trainer\.callbacks lacks"):
            check_callbacks(callbacks)
