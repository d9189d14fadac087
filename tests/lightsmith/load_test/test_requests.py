from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from lightsmith.load_test.requests import made_items, read_items, requests_for


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_made_images_are_different_pngs_of_the_models_size(channels: int, mode: str) -> None:
    items = made_items("image", {"image_size_px": 20, "channels": channels})
    with Image.open(BytesIO(items[0])) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (20, 20), mode)
    assert len(set(items)) == len(items) == 64


def test_made_texts_have_many_lengths_up_to_what_the_model_reads() -> None:
    lengths = [len(item.split()) for item in made_items("text", {"max_tokens": 256})]
    assert min(lengths) < 10
    assert 200 < max(lengths) <= 256


def test_a_request_is_whole_and_names_the_key() -> None:
    head, _, body = requests_for("text", [b"a film"], "127.0.0.1", "secret")[0].partition(b"\r\n\r\n")
    assert body == b"a film"
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /predict HTTP/1.1"
    assert {"Host: 127.0.0.1", "Content-Length: 6", "Authorization: Bearer secret"} < set(lines)
    assert b"Authorization" not in requests_for("image", [b"x"], "127.0.0.1", None)[0]


def test_a_persons_own_items_are_read(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one\n\n two \n")
    assert read_items("text", tmp_path / "texts.txt") == [b"one", b" two "]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(b"a")
    assert read_items("image", tmp_path / "photos") == [b"a"]
    with pytest.raises(ValueError, match=r"--input=.* holds nothing to send: give a file with a text on each line"):
        read_items("text", tmp_path / "photos")
    with pytest.raises(ValueError, match=r"--input=none does not exist"):
        read_items("text", Path("none"))
