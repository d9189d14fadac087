from itertools import combinations

import matplotlib as mpl

from lightsmith.studies.named_dots import Box, name_dots, place_names

mpl.use("Agg")
from matplotlib import pyplot as plt

FRAME = Box(0, 0, 600, 400)


def test_names_of_dots_that_lie_together_meet_neither_each_other_nor_a_dot() -> None:
    dots = [(300.0 + 5 * n, 200.0 + 3 * n) for n in range(8)]
    placed = place_names(dots, [(90.0, 14.0)] * len(dots), FRAME, 10)
    assert not any(a.meets(b) for a, b in combinations(placed, 2))
    taken = [Box(x - 10, y - 10, x + 10, y + 10) for x, y in dots]
    assert not any(name.meets(dot) for name in placed for dot in taken)
    assert all(FRAME.holds(name) for name in placed)


def test_a_dot_alone_has_its_name_close_to_its_right() -> None:
    (name,) = place_names([(100.0, 100.0)], [(50.0, 14.0)], FRAME, 10)
    assert 110 <= name.left <= 125
    assert (name.bottom, name.top) == (93, 107)


def test_a_name_without_room_is_written_all_the_same() -> None:
    (name,) = place_names([(10.0, 10.0)], [(5000.0, 14.0)], FRAME, 10)
    assert name.right - name.left == 5000


def test_the_names_of_a_plot_lie_apart_when_it_is_drawn() -> None:
    figure, axes = plt.subplots(figsize=(8, 5))
    dots = [(1.0, 0.9560), (0.98, 0.9550), (0.97, 0.9555), (0.96, 0.9548), (0.4, 0.94)]
    axes.scatter(*zip(*dots, strict=True))
    axes.margins(0.15)
    name_dots(axes, dots, ["dense", "pruned", "int8", "pruned_int8 – recommended", "distilled"])
    figure.canvas.draw()
    extents = [Box(*text.get_window_extent().extents) for text in axes.texts]
    assert len(extents) == 5
    assert not any(a.meets(b) for a, b in combinations(extents, 2))
    plt.close(figure)
