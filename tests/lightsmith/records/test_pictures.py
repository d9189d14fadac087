from pathlib import Path

import torch
from PIL import Image

from callbacks.log_reconstructions import LogReconstructions
from lightsmith.records.pictures import RECONSTRUCTIONS, write_pictures


def test_what_was_drawn_is_written_and_nothing_else(tmp_path: Path) -> None:
    undrawn, drawn = LogReconstructions(), LogReconstructions()
    write_pictures([undrawn], tmp_path)
    assert not list(tmp_path.iterdir())
    for channels, mode in ((1, "L"), (3, "RGB")):
        drawn.picture = torch.full((4, 6, channels), 7, dtype=torch.uint8)
        write_pictures([undrawn, drawn], tmp_path)
        with Image.open(tmp_path / RECONSTRUCTIONS) as picture:
            assert (picture.mode, picture.size) == (mode, (6, 4))
