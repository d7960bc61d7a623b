"""What metrics are given, checked once: finite numbers of one shape, classes, models that can do what is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae import checks
from keras_vae.models.inputs import one_array


def array(name: str, data: Any, *axes: str, least: int = 1, dtype: str = "float64") -> np.ndarray:
    """Finite numbers as NumPy's, float64.

    Args:
        axes: names of the axes, such as "examples", "features"; the first may be "...", for any before the others.
            None: any, at least one.
        least: fewest entries along the first axis, where it has a name.
        dtype: "float32" for images, of which there are many.

    Raises:
        TypeError: a dict, a data set, or what holds no numbers.
        ValueError: another number of axes, too few entries, NaN or infinities.
    """
    data = np.asarray(one_array(name, data), dtype)
    _require_axes(name, data, axes, least)
    if not np.isfinite(data).all():
        raise ValueError(f"{name} must be finite numbers; there are NaN or infinite ones.")
    return data


def classes(name: str, data: Any, *axes: str, least: int = 1) -> np.ndarray:
    """Classes by their numbers, whole ones, int64.

    Raises:
        TypeError: no whole numbers.
        ValueError: as `array`.
    """
    numbers = array(name, data, *axes, least=least)
    if np.asarray(one_array(name, data)).dtype.kind not in "iu":
        raise TypeError(f"{name} must be the whole numbers of classes, integers; got {checks.told(data)}.")
    return numbers.astype("int64")


def _require_axes(name, data, axes, least):
    free = axes[:1] == ("...",)
    named = axes[1:] if free else axes
    if axes and not (data.ndim >= len(named) if free else data.ndim == len(named)):
        raise ValueError(f"{name} must have the shape [{', '.join(axes)}]; got {list(data.shape)}.")
    if not data.size or len(data) < least:
        few = f"at least {least} {axes[0]}" if axes and not free else "at least one entry"
        raise ValueError(f"{name} must have {few}; got the shape {list(data.shape)}.")


def same_length(**arrays: np.ndarray) -> None:
    """Refuses arrays of several numbers of examples.

    Raises:
        ValueError: the message has them by name.
    """
    lengths = {name: int(values.shape[0]) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = " and ".join(f"{count} of {name}" for name, count in lengths.items())
        raise ValueError(f"There must be as many of each, a row an example; got {told}.")


def model(value: Any, *verbs: str, name: str = "model") -> Any:
    """A model that has these verbs.

    Raises:
        TypeError: it has not; a class instead of a model.
    """
    missing = [verb for verb in verbs if not hasattr(value, verb)]
    if missing or isinstance(value, (type, str, bytes, bytearray)):  # strings have a verb `translate` too
        got = f"the class {value.__name__}" if isinstance(value, type) else checks.told(value)
        raise TypeError(f"{name} must be a keras_vae model that has {', '.join(verbs)}; got {got}.")
    return value


def with_vector_latents(value: Any, *verbs: str, several: bool = False) -> Any:
    """A model with one vector of numbers an example for latents; with `several`, or a dict of vectors.

    Raises:
        TypeError: no model of keras_vae.
        ValueError: other latents, or no networks yet.
    """
    model(value, "latent_shape", *verbs)
    value.require_built()
    shape = value.latent_shape()
    each = checks.named(shape).values() if several else [shape]
    if value.latent_dtype == "int32" or not all(isinstance(one, tuple) and len(one) == 1 for one in each):
        wanted = "vectors" if several else "one vector"
        raise ValueError(f"This metric wants latents that are {wanted}; {type(value).__name__} has {shape}.")
    return value
