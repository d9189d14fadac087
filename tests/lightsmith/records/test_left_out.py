from lightsmith.records.left_out import SHOWN_REASONS, grouped


def test_damage_comes_first_and_every_item_is_counted_under_its_reason() -> None:
    left_out = [
        ("photos/a/1.HEIC", "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image"),
        ("photos/a/2.HEIC", "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image"),
        ("photos/b/half.jpg", "image file is truncated (23 bytes not processed)"),
        ("photos/b/other.jpg", "broken data stream when reading image file"),
        ("train row 7", "no text"),
    ]
    assert grouped(left_out).split("), ") == [
        "2 damaged (half.jpg, other.jpg",
        "2 not usable images (1.HEIC, 2.HEIC",
        "train row 7 (no text)",
    ]
    assert grouped(left_out[:1]) == "1 not usable image (1.HEIC)"


def test_reasons_that_differ_in_a_number_are_one_and_names_that_need_their_folder_keep_it() -> None:
    left_out = [(f"{folder}/1.png", f"a file of {n} MB, more than 256") for folder, n in (("a", 300), ("b", 1_500))]
    assert grouped(left_out) == "2 a file of … MB, more than … (a/1.png, b/1.png)"


def test_many_names_and_reasons_are_shortened_but_counted() -> None:
    reasons = ["no text", "no label", "not a file", "an empty cell", "a link", "a pipe", "a queue", "a door"]
    left_out = [(f"{n}", reason) for reason in reasons for n in range(4)]
    text = grouped(left_out)
    assert text.startswith("4 no text (0, 1, 2, …), 4 no label")
    assert text.endswith(f", {4 * (len(reasons) - SHOWN_REASONS)} for 2 other reasons")


def test_a_line_for_many_files_counts_as_so_many_and_a_number_that_tells_something_stays() -> None:
    ignored = [
        ("x/a/*.txt", "1,030 files: not an image"),
        ("x/labels.csv", "not an image"),
        ("x/test", "200 images in no class folders, so without labels"),
    ]
    assert grouped(ignored) == (
        "1,031 not an image (*.txt, labels.csv), test (200 images in no class folders, so without labels)"
    )
