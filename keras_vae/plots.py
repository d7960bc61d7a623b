"""Pictures: rows of images or of vectors with a title each, in sections; points in a plane; written as PNG."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from keras_vae import checks

if TYPE_CHECKING:
    from keras_vae.metrics import Chains

_INCHES = 0.62  # width and height of one image
_COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#d55e00", "#f0e442", "#000000")  # Okabe & Ito


def picture(
    sections: Mapping[str, Mapping[str, Any]],
    path: str | os.PathLike | IO[bytes] | None = None,
    title: str | None = None,
) -> Figure:
    """Draws rows of images or of vectors.

    Args:
        sections: `{section title: {row title: images}}`, images `[count, height, width, channels]` or `[count, height,
            width]` in [0, 1]; values outside [0, 1] are clipped. Other than 1 or 3 channels have a grey row each.
            Vectors `[count, features]` are drawn as bars, all on one scale; missing entries (NaN) are left out.
        path: where to write the PNG; None: nowhere.
        title: above everything.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: nothing to draw, or what is neither images nor vectors.
    """
    drawn, title = rows(sections), _title(title)
    columns = max(len(images) for section in drawn.values() for images in section.values())
    heights, titles = [], {}
    for name, section in drawn.items():
        titles[len(heights)] = name
        heights += [0.55] + [1.0] * len(section)
    figure = Figure(figsize=(_INCHES * columns + 2.2, _INCHES * sum(heights) + (0.5 if title else 0.1)))
    left, top = 2.1 / figure.get_figwidth(), 1 - (0.45 if title else 0.05) / figure.get_figheight()
    if title:
        figure.text(0.5, 1 - 0.22 / figure.get_figheight(), title, ha="center", va="center", fontsize=13, weight="bold")
    unit = _INCHES / figure.get_figheight()
    every = [row for section in drawn.values() for row in section.items()]
    line, images_of = 0.0, iter(every)
    limits = _limits([images for _, images in every if images.ndim == 2])
    for index, height in enumerate(heights):
        bottom = top - (line + height) * unit
        if index in titles:
            figure.text(0.1 / figure.get_figwidth(), bottom + 0.12 * unit, titles[index], fontsize=10.5, weight="bold")
        else:
            label, images = next(images_of)
            axes = figure.add_axes((left, bottom, _INCHES * len(images) / figure.get_figwidth(), unit * 0.96))
            axes.axis("off")
            if images.ndim == 2:
                _bars(axes, images, limits)
            else:
                axes.imshow(_strip(images), cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            figure.text(
                left - 0.1 / figure.get_figwidth(), bottom + 0.48 * unit, label, ha="right", va="center", fontsize=9
            )
        line += height
    if path is not None:
        write(figure, path)
    return figure


def rows(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """What `picture` draws of sections, checked: images `[count, height, width, 1 or 3]` or vectors, a row each.

    Raises:
        ValueError: nothing to draw, or what is neither images nor vectors.
    """
    if not isinstance(sections, Mapping) or not all(isinstance(section, Mapping) for section in sections.values()):
        raise ValueError("A picture is made of {section title: {row title: images}}: a dict of dicts.")
    drawn = {name: {} for name, section in sections.items() if section}
    for name, section in sections.items():
        for label, images in section.items():
            drawn[name] |= _channels(label, np.asarray(images))
    if not drawn:
        raise ValueError("There is nothing to draw: give {section title: {row title: images}} with a row at least.")
    return drawn


def _channels(label, images):
    """The rows of one array: itself, or one of each channel."""
    numeric = images.dtype.kind in "fiub" or images.dtype.name == "bfloat16"
    if images.ndim not in (2, 3, 4) or not images.size or not numeric:
        raise ValueError(
            "A picture is drawn of images [count, height, width, channels] or [count, height, width], or of vectors "
            f"[count, features], of numbers; {label!r} is {images.dtype} {list(images.shape)}. Draw a part of it."
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 2 or images.shape[-1] in (1, 3):
        return {label: images}
    channels = range(images.shape[-1])
    return {f"{label}, channel {channel + 1}".lstrip(", "): images[..., channel, None] for channel in channels}


def planes(
    panels: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str], title: str | None = None
) -> Figure:
    """Draws points in a plane, coloured by their class: one panel a model, to be compared by eye.

    Args:
        panels: `{panel title: points [examples, 2]}`.
        labels: integers `[examples]`, from 0.
        names: of the classes, at most eight.
        title: above everything.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: no dict, no numbers, no names.
        ValueError: nothing to draw, other shapes, NaN or infinite values, labels without a name.
    """
    names, title = _names(names), _title(title)
    if len(names) > len(_COLOURS):
        raise ValueError(f"There are colours for {len(_COLOURS)} classes; got {len(names)} names.")
    panels = {
        name: _numbers(f"The points of {name!r}", points, "[examples, 2]", columns=2)
        for name, points in _panels(panels, "points [examples, 2]").items()
    }
    count = len(next(iter(panels.values())))
    labels = _classes("labels", labels, "[examples]", len(names), rows=count)
    if any(len(points) != count for points in panels.values()):
        raise ValueError("All panels must have as many points as there are labels.")
    figure = Figure(figsize=(2.7 * len(panels), 3.5 if title else 3.2), layout="constrained")
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, points) in zip(every, panels.items(), strict=True):
        for index, label in enumerate(names):
            shown = points[labels == index]
            axes.scatter(shown[:, 0], shown[:, 1], s=7, color=_COLOURS[index], alpha=0.7, linewidths=0, label=label)
        axes.set_title(name, fontsize=10.5)
        axes.set_aspect("equal", adjustable="datalim")  # the same plane, turned, should look it
        axes.tick_params(labelsize=7, colors="0.4", length=2)
        axes.spines[:].set_color("0.8")
    handles = every[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(names), frameon=False, markerscale=2.5)
    if title:
        figure.suptitle(title, fontsize=13, weight="bold")
    return figure


def experts(
    panels: Mapping[str, tuple[Any, Any]], names: Sequence[str] | None = None, title: str | None = None
) -> Figure:
    """Draws densities over one latent: of normal experts, of their product with the prior as in `MVAE` (black), and of
    their mixture as in `MMVAE` (red).

    Args:
        panels: `{panel title: (loc, scale)}`, means and standard deviations of the experts, `[experts]` each.
        names: of the experts, for the legend.
        title: above everything.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError, ValueError: no such panels, scales that are not above 0, other names than there are experts.
    """
    from keras_vae import distributions  # imports TensorFlow, which the other pictures do without

    title, drawn = _title(title), {}
    for name, pair in _panels(panels, "(loc, scale)").items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"The panel {name!r} must be (loc, scale), [experts] each; got {checks.told(pair)}.")
        loc = _numbers(f"loc of {name!r}", pair[0], "[experts]")
        scale = _numbers(f"scale of {name!r}", pair[1], "[experts]", rows=len(loc))
        if not (scale > 0).all():
            raise ValueError(f"scale of {name!r} must be above 0; got {scale.min():g}.")
        names, drawn[name] = None if names is None else _names(names, len(loc)), (loc, scale)
    panels = drawn
    figure = Figure(figsize=(3.4 * len(panels), 3.4 if title else 3.1), layout="constrained")
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    normal = distributions.NormalPosterior(1).family
    for axes, (name, (loc, scale)) in zip(every, panels.items(), strict=True):
        loc, scale = (np.asarray(part, "float32")[:, None] for part in (loc, scale))
        limit = np.max(np.abs(loc) + 3.5 * scale)
        z = np.linspace(-limit, limit, 400, dtype="float32")[:, None]
        each = normal(loc, scale)
        together = {
            "product of experts": (normal(*distributions.product_of_experts(loc, scale)), "black"),
            "mixture of experts": (distributions.mixture_of_experts(each), "#d00000"),
        }
        for index, density in enumerate(each.prob(z[:, None]).numpy().T):
            label = names[index] if names else f"expert {index + 1}"
            axes.fill_between(z[:, 0], density, color=_COLOURS[index], alpha=0.3, linewidth=0, label=label)
        for label, (q, colour) in together.items():
            axes.plot(z[:, 0], q.prob(z), color=colour, linewidth=1.8, label=label)
        axes.set_title(name, fontsize=10.5)
        axes.set(xlabel="z", yticks=[], ylim=(0, None))
        axes.tick_params(labelsize=7, colors="0.4", length=2)
        axes.spines[["left", "right", "top"]].set_visible(False)
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    if title:
        figure.suptitle(title, fontsize=13, weight="bold")
    return figure


def contours(
    panels: Mapping[str, Callable],
    limit: float = 4.0,
    names: Sequence[str] = ("z1", "z2"),
    title: str | None = None,
) -> Figure:
    """Draws densities in a plane, one panel each, on one scale of colours.

    Args:
        panels: `{panel title: function}`, from points `[points, 2]` to log-densities `[points]`, nats.
        limit: the plane shown is `[-limit, limit]` both ways.
        names: of the two axes.
        title: above everything.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError, ValueError: no functions by title, or densities of another number than there are points.
    """
    limit, names, title = checks.number("limit", limit, above=0.0), _names(names, 2), _title(title)
    for name, function in _panels(panels, "a function of points").items():
        checks.function(f"The panel {name!r}", function)
    line = np.linspace(-limit, limit, 161, dtype="float32")
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    densities = {
        name: np.exp(_numbers(f"What {name!r} gives", of(points), "[points]", finite=False, rows=len(points))).reshape(
            161, 161
        )
        for name, of in panels.items()
    }
    levels = np.linspace(0.0, max(density.max() for density in densities.values()), 13)
    figure = Figure(figsize=(3.0 * len(panels), 3.5 if title else 3.2), layout="constrained")
    for axes, (name, density) in zip(figure.subplots(1, len(panels), squeeze=False)[0], densities.items(), strict=True):
        axes.contourf(line, line, density, levels=levels, cmap="Blues")
        axes.set_title(name, fontsize=10.5)
        axes.set(xlabel=names[0], ylabel=names[1], aspect="equal")
        axes.tick_params(labelsize=7, colors="0.4", length=2)
        axes.spines[:].set_color("0.8")
    if title:
        figure.suptitle(title, fontsize=13, weight="bold")
    return figure


def chains(diagnostics: Chains, names: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """Draws how fast chains forget: autocorrelation by the number of sweeps between, one line a latent.

    Args:
        diagnostics: `keras_vae.metrics.Chains`.
        names: of the modalities, for the legend.
        title: above everything; under it stand the largest split R-hat and the smallest effective sample size.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError, ValueError: no diagnostics, or another number of names than there are modalities.
    """
    if not hasattr(diagnostics, "autocorrelation") or isinstance(diagnostics, type):
        raise TypeError(
            f"diagnostics must be what keras_vae.metrics.chain_diagnostics gives; got {checks.told(diagnostics)}."
        )
    names = None if names is None else _names(names, len(set(diagnostics.owner)))
    title = _title(title)
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes, shown = figure.subplots(), set()
    for latent, owner in enumerate(diagnostics.owner):
        label = None if owner in shown else (names[owner] if names else f"modality {owner + 1}")
        shown.add(owner)
        axes.plot(
            diagnostics.autocorrelation[:, latent],
            color=_COLOURS[owner % len(_COLOURS)],
            alpha=0.6,
            linewidth=1.2,
            label=label,
        )
    axes.axhline(0.0, color="0.6", linewidth=0.6)
    axes.set(xlabel="sweeps between", ylabel="autocorrelation", xlim=(0, len(diagnostics.autocorrelation) - 1))
    axes.tick_params(labelsize=8, colors="0.4", length=2)
    axes.spines[["right", "top"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    worst = f"split R-hat at most {diagnostics.split_r_hat.max():.2f}, "
    axes.set_title(f"{worst}a sweep worth {diagnostics.effective_sample_size.min():.2f} draws or more", fontsize=9.5)
    if title:
        figure.suptitle(title, fontsize=13, weight="bold")
    return figure


def rate_distortion(
    points: Sequence[tuple[float, float]] | np.ndarray,
    colours: Mapping[str, Sequence[float] | np.ndarray] | None = None,
    marked: Mapping[str, int] | None = None,
    title: str | None = None,
) -> Figure:
    """Draws models by their rate and distortion; on a grey line the free energy, their sum, is the same.

    Args:
        points: `(rate, distortion)` of each model, nats, `[models, 2]`.
        colours: None, or `{name: positive numbers [models]}` of one hyperparameter, on a logarithmic scale.
        marked: None, or `{label: index}` of models to be told apart.
        title: above everything.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError, ValueError: no numbers, other shapes, NaN or infinite values, an index of no model.
    """
    title, points = _title(title), _numbers("points", points, "[models, 2]", columns=2)
    for what, given in (("colours", colours), ("marked", marked)):
        checks.instance(what, {} if given is None else given, Mapping, "a dict, or None")
    if colours and len(colours) != 1:
        raise ValueError(f"colours must be of one hyperparameter; got {sorted(colours)}.")
    colours = {name: _numbers(name, values, "[models]", rows=len(points)) for name, values in (colours or {}).items()}
    if any((values <= 0).any() for values in colours.values()):
        raise ValueError("colours must be positive numbers: their scale is logarithmic.")
    for label, model in (marked or {}).items():
        checks.whole(f"marked {label!r}", model, 0, len(points) - 1)
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter, LogLocator

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    rates, distortions = points.T
    figure = Figure(figsize=(6.0, 4.4 if title else 4.1), layout="constrained")
    axes = figure.subplots()
    ((name, values),) = (colours or {None: None}).items()
    norm = LogNorm() if values is not None and np.ptp(values) > 0 else None
    colour = {"c": values, "norm": norm, "cmap": "viridis"} if norm else {"color": _COLOURS[0]}
    shown = axes.scatter(rates, distortions, s=42, zorder=3, **colour)
    if norm:
        bar = figure.colorbar(shown, label=name, format=plain, ticks=LogLocator(subs=(1, 2, 5)))
        bar.minorticks_off()
        bar.outline.set_visible(False)
    for index, (label, model) in enumerate((marked or {}).items()):
        axes.scatter(
            *([part[model]] for part in (rates, distortions)),
            s=150 + 110 * index,  # rings, or one would hide the other
            facecolors="none",
            edgecolors=("#d00000", "black")[index % 2],
            linewidths=1.6,
            label=label,
            zorder=4,
        )
    axes.margins(0.12)
    limits = np.array([axes.get_xlim(), axes.get_ylim()])
    sums = np.linspace(*limits.sum(axis=0), 9)[1:-1]
    for index, total in enumerate(sums):
        label = None if index else "equal free energy"
        axes.plot(limits[0], total - limits[0], color="0.85", linewidth=0.8, zorder=1, label=label)
    axes.set(xlabel="rate, nats", ylabel="distortion, nats", xlim=limits[0], ylim=limits[1])
    axes.tick_params(labelsize=8, colors="0.4", length=2)
    axes.spines[["right", "top"]].set_visible(False)
    # The plane is empty there: who pays more in both has learned less.
    axes.legend(loc="upper right", fontsize=9, framealpha=1.0, edgecolor="none", labelspacing=1.0)
    if title:
        figure.suptitle(title, fontsize=13, weight="bold")
    return figure


def write(
    made: Figure | Mapping[str, Mapping[str, Any]], path: str | os.PathLike | IO[bytes], title: str | None = None
) -> None:
    """Writes a PNG of what a recipe's `preview` returns: a figure, or the sections of a `picture` with this title.

    Raises:
        TypeError: no path and no file open for bytes.
        OSError: there is no such folder, the disk is full, or the like.
    """
    if not hasattr(path, "write"):
        checks.path("path", path, "a path, or a file open for bytes")
        folder = pathlib.Path(path).parent
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder} to write {pathlib.Path(path).name} into: make it.")
    figure = made if isinstance(made, Figure) else picture(made, title=title)
    figure.savefig(path, dpi=150, format="png")


def _title(title):
    return None if title is None else checks.instance("title", title, str, "a string, or None")


def _panels(panels, wanted):
    """A dict of panels, one at least."""
    if not checks.instance("panels", panels, Mapping, f"a dict, {{title: {wanted}}}"):
        raise ValueError(f"There is nothing to draw: give {{title: {wanted}}} with a panel at least.")
    return panels


def _names(names, count=None):
    """Names as a list of strings, `count` of them."""
    if isinstance(names, str) or not all(
        isinstance(name, str) for name in checks.instance("names", names, Sequence, "a list of strings")
    ):
        raise TypeError(f"names must be a list of strings; got {checks.told(names)}.")
    if count is not None and len(names) != count:
        raise ValueError(f"names must be {count}; got {len(names)}: {checks.told(names)}.")
    return list(names)


def _numbers(name, data, shape, finite=True, **sides):
    """Finite numbers, or logarithms of such, as float64, of a shape such as "[models, 2]"; `sides` has how many rows or
    columns there must be."""
    try:
        data, given = np.asarray(data), data
    except Exception:  # rows of several lengths, or another library's no
        data, given = np.asarray(None), data
    if data.dtype.kind not in "buif":
        raise TypeError(f"{name} must be numbers, {shape}; got {checks.told(given)}.")
    data = data.astype("float64")
    fits = data.ndim == shape.count(",") + 1 and data.size > 0
    if not fits or sides.get("rows", len(data)) != len(data) or sides.get("columns", data.shape[-1]) != data.shape[-1]:
        wanted = f" with {sides['rows']} rows" if "rows" in sides else ""
        raise ValueError(f"{name} must have the shape {shape}{wanted}; got {list(data.shape)}.")
    if not np.isfinite(data if finite else np.exp(data)).all():
        raise ValueError(f"{name} must be finite numbers; there are NaN or infinite ones.")
    return data


def _classes(name, data, shape, count, **sides):
    """Whole numbers below `count`."""
    numbers = _numbers(name, data, shape, **sides)
    if not np.all((numbers >= 0) & (numbers < count) & (numbers % 1 == 0)):
        raise ValueError(f"{name} must be whole numbers, 0 to {count - 1}; got {checks.told(data)}.")
    return numbers.astype(int)


def _limits(rows):
    """Lowest and highest of the vectors in all rows, and 0."""
    values = np.concatenate([[0.0], *(vectors.ravel() for vectors in rows)])
    return np.nanmin(values), np.nanmax(values)


def _bars(axes, vectors, limits):
    """Vectors side by side, a bar a feature."""
    count, features = vectors.shape
    for index, vector in enumerate(vectors):
        axes.stairs(vector, index + np.linspace(0.06, 0.94, features + 1), fill=True, color=_COLOURS[0])
    axes.hlines(np.zeros(count), np.arange(count) + 0.06, np.arange(count) + 0.94, color="0.6", linewidth=0.6)
    axes.set(xlim=(0, count), ylim=limits)


def _strip(images):
    """Images side by side, with a white line between: `[height, width of all, channels]`."""
    images = np.clip(images, 0.0, 1.0)
    images = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1.0)
    strip = np.concatenate(list(images), axis=1)
    return strip[..., 0] if strip.shape[-1] == 1 else strip
