"""Pictures: rows of images with a title each, in sections; written as PNG."""

import numpy as np
from matplotlib.figure import Figure

_INCHES = 0.62  # width and height of one image


def picture(sections, path=None, title=None):
    """Draws rows of images.

    Args:
        sections: `{section title: {row title: images}}`, images `[count, height, width, channels]` in [0, 1] with 1 or
            3 channels; values outside [0, 1] are clipped.
        path: where to write the PNG; None: nowhere.
        title: above everything.

    Returns:
        The matplotlib figure.
    """
    rows = [(label, np.asarray(images)) for section in sections.values() for label, images in section.items()]
    columns = max(len(images) for _, images in rows)
    heights, titles = [], {}
    for name, section in sections.items():
        titles[len(heights)] = name
        heights += [0.55] + [1.0] * len(section)
    figure = Figure(figsize=(_INCHES * columns + 2.2, _INCHES * sum(heights) + (0.5 if title else 0.1)))
    left, top = 2.1 / figure.get_figwidth(), 1 - (0.45 if title else 0.05) / figure.get_figheight()
    if title:
        figure.text(0.5, 1 - 0.22 / figure.get_figheight(), title, ha="center", va="center", fontsize=13, weight="bold")
    unit = _INCHES / figure.get_figheight()
    line, images_of = 0.0, iter(rows)
    for index, height in enumerate(heights):
        bottom = top - (line + height) * unit
        if index in titles:
            figure.text(0.1 / figure.get_figwidth(), bottom + 0.12 * unit, titles[index], fontsize=10.5, weight="bold")
        else:
            label, images = next(images_of)
            axes = figure.add_axes((left, bottom, _INCHES * len(images) / figure.get_figwidth(), unit * 0.96))
            axes.imshow(_strip(images), cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            axes.axis("off")
            figure.text(
                left - 0.1 / figure.get_figwidth(), bottom + 0.48 * unit, label, ha="right", va="center", fontsize=9
            )
        line += height
    if path is not None:
        figure.savefig(path, dpi=150, format="png")
    return figure


def _strip(images):
    """Images side by side, with a white line between: `[height, width of all, channels]`."""
    images = np.clip(images, 0.0, 1.0)
    images = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1.0)
    strip = np.concatenate(list(images), axis=1)
    return strip[..., 0] if strip.shape[-1] == 1 else strip
