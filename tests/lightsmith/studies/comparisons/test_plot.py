from pathlib import Path

import pytest
from PIL import Image

from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.plot import plot
from tests.written_runs import write_seeds


@pytest.mark.parametrize("groups", [1, 2])
def test_a_plot_names_the_groups_and_is_the_same_each_time(tmp_path: Path, groups: int) -> None:
    runs = [
        run
        for lr in range(groups)
        for run in write_seeds(tmp_path / str(lr), [1, 2], 0.8 + lr / 20, 100, settings={"model.lr": lr})
    ]
    found = compare_runs(runs)
    for name in ("1.svg", "2.svg", "3.png"):
        plot(found, tmp_path / name)
    text = (tmp_path / "1.svg").read_text()
    assert text == (tmp_path / "2.svg").read_text()
    assert ("B: mnist_mlp, model.lr=1, n=2" in text) == (groups == 2)
    with Image.open(tmp_path / "3.png") as image:
        assert image.width == 960
