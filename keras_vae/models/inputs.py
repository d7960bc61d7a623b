"""What a model is given: one batch in standard form, and clear errors for what it cannot take."""

import contextlib
import re
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class Batch(NamedTuple):
    """A batch in standard form.

    Attributes:
        x: float32 tensor `[batch, *event]`, or a dict of them by modality; zeros where unobserved.
        observed: None, or boolean `[batch]` by modality.
        condition: None, or float32 `[batch, *condition]`, for conditional models.
        weight: None, or of one of several replicas: its examples over the mean number of those of a replica.
    """

    x: Any
    observed: Any = None
    condition: Any = None
    weight: Any = None


_MARK = "keras_vae: "


def assert_values(x, support, name, advice="Remove or replace them;"):
    """Refuses NaN, infinities and values that the likelihood gives no probability, eagerly and in tf.data alike.

    Args:
        x: float32 tensor `[batch, *event]`.
        support: `(lowest, highest)` or None; images must not hold whole numbers above 1 in any case.
        name: what to call the data in the message.
        advice: what to do about NaN and infinities.
    """
    _assert(tf.reduce_all(tf.math.is_finite(x)), f"{name} holds NaN or infinite values. {advice}", x)
    if support is not None:
        lowest, highest = support
        advice = f"{name} must lie in [{lowest:g}, {highest:g}] under this likelihood. Divide 8-bit images by 255, "
        advice += 'or choose likelihood="normal" for real numbers;'
        _assert(tf.reduce_all((x >= lowest) & (x <= highest)), advice, x)
    elif len(x.shape) == 4:
        counts = tf.reduce_all((x >= 0) & (x == tf.round(x))) & tf.reduce_any(x > 1)
        _assert(~counts, f"{name} looks like images of 0 to 255. Divide them by 255;", x)


def assert_shape(x, event_shape, name):
    """Refuses a batch whose events have another shape than the model's."""
    if x.shape.rank is None or not x.shape[1:].is_compatible_with(event_shape):
        wanted = ", ".join(["batch", *map(str, event_shape)])
        raise ValueError(f"{name} must have the shape [{wanted}]; got {list(x.shape)}.")


def _assert(condition, message, x):
    text = tf.strings.format(f"{_MARK}{message} got {{}} to {{}}.%", (tf.reduce_min(x), tf.reduce_max(x)))
    tf.debugging.Assert(condition, [text], summarize=1)


@contextlib.contextmanager
def clear_errors():
    """Turns the failed assertions of `assert_values` into a ValueError of one line."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(f"{_MARK}(.*?)%", str(error), re.DOTALL)
        if not found:
            raise
        raise ValueError(found.group(1)) from None


def refuse_unused(**arguments):
    """`y` and the like would be ignored in silence: latent-variable models explain x alone."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is not used: a latent-variable model is fitted to x alone. Leave it out: fit(x), or a "
                "tf.data.Dataset whose elements are x, such as dataset.map(lambda x, y: x)."
            )


def as_arrays(data):
    """Data, or a dict of data, with lists and the like as NumPy arrays, and masks as what tf.distribute can add up."""
    if isinstance(data, dict):
        return {name: as_arrays(part) for name, part in data.items()}
    data = data if hasattr(data, "shape") else np.asarray(data)
    if data.dtype == bool:
        return data.astype("uint8") if isinstance(data, np.ndarray) else tf.cast(data, "uint8")
    return data


def unpack_data(x):
    """The x of `x` or `(x,)`; raises ValueError for `(x, y)`."""
    if isinstance(x, tuple):
        refuse_unused(**dict(zip(("y", "sample_weight"), x[1:], strict=False)))
        return x[0]
    return x
