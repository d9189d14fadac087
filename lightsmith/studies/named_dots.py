"""Names beside the dots of a plot, none on another and none on a dot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, radians, sin
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT_SIZE = 10  # points
DOT_RADIUS = 15  # pixels kept free around each dot, at 100 pixels an inch
ANGLES = (0, 180, 90, 270, 45, 315, 135, 225)  # degrees, those that read best first
NEAREST, FARTHEST, STEP = 18, 240, 12  # pixels from a dot to its name
NEAR = 40  # pixels, beyond which a line joins the two


class Box(NamedTuple):
    """A rectangle on a plot, in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Return whether two boxes share a place."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.top <= other.bottom or other.top <= self.bottom)

    def holds(self, other: Box) -> bool:
        """Return whether another box lies within this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


def place_names(
    dots: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], frame: Box, radius: float
) -> list[Box]:
    """A free box for the name of each dot, as near to it as can be; on the dot itself where none is free.

    Args:
        dots: (x, y) in pixels.
        sizes: (width, height) of the names.
        frame: that the names must lie in.
        radius: of the dots.
    """
    taken = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in dots]
    placed = []
    for dot, size in zip(dots, sizes, strict=True):
        free = (box for box in _around(dot, size) if frame.holds(box) and not any(map(box.meets, taken)))
        placed.append(next(free, Box(*dot, dot[0] + size[0], dot[1] + size[1])))
        taken.append(placed[-1])
    return placed


def _around(dot: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    (x, y), (width, height) = dot, size
    for distance in range(NEAREST, FARTHEST, STEP):
        for angle in map(radians, ANGLES):
            middle = x + cos(angle) * (distance + width / 2), y + sin(angle) * (distance + height / 2)
            left, bottom = middle[0] - width / 2, middle[1] - height / 2
            yield Box(left, bottom, left + width, bottom + height)


def name_dots(axes: Axes, dots: Sequence[tuple[float, float]], names: Sequence[str]) -> None:
    """Write the names into a plot of matplotlib whose limits are settled.

    Args:
        dots: (x, y) in the units of the axes.
    """
    figure = axes.figure
    figure.canvas.draw()  # the layout decides where the dots come to lie
    texts = [axes.text(0, 0, name, fontsize=FONT_SIZE, transform=None) for name in names]
    extents = [text.get_window_extent() for text in texts]
    pixels = [tuple(place) for place in axes.transData.transform(dots)]
    frame, radius = Box(*axes.get_window_extent().extents), DOT_RADIUS * figure.dpi / 100
    boxes = place_names(pixels, [(extent.width, extent.height) for extent in extents], frame, radius)
    inverse = axes.transData.inverted()
    for text, box, pixel, dot in zip(texts, boxes, pixels, dots, strict=True):
        text.set(transform=axes.transData, position=inverse.transform((box.left, box.bottom)), va="bottom")
        nearest = min(max(pixel[0], box.left), box.right), min(max(pixel[1], box.bottom), box.top)
        if max(abs(nearest[0] - pixel[0]), abs(nearest[1] - pixel[1])) > NEAR:
            end = inverse.transform(nearest)
            axes.plot([dot[0], end[0]], [dot[1], end[1]], color="grey", linewidth=0.6, zorder=1)
