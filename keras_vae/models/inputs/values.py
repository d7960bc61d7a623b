"""Values that a likelihood cannot take, refused eagerly and in tf.data alike."""

import contextlib
import re
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from keras_vae.networks import ends_in, reach
from keras_vae.parts import Likelihood

_MARK = "keras_vae: "
_told = weakref.WeakSet()  # decoders that have been warned of


def assert_finite(x: tf.Tensor, name: str, advice: str = "Remove or replace them;") -> None:
    """Refuses NaN and infinities."""
    if x.dtype.is_floating:
        _assert(tf.reduce_all(tf.math.is_finite(x)), f"{name} holds NaN or infinite values. {advice}", x)


def assert_support(x: tf.Tensor, likelihood: Likelihood, name: str) -> None:
    """Refuses values to which the likelihood gives no probability, and what looks like 8-bit images."""
    if likelihood.one_hot:
        ones = tf.reduce_all((x == 0.0) | (x == 1.0)) & tf.reduce_all(tf.reduce_sum(x, axis=-1) == 1.0)
        advice = f"{name} must be one-hot along its last axis under this likelihood. Of numbers of categories, "
        _assert(ones, advice + "tf.one_hot(x, categories) makes it; padding needs a category of its own;", x)
        return
    if likelihood.support is not None:
        lowest, highest = likelihood.support
        advice = f"{name} must lie in [{lowest:g}, {highest:g}] under this likelihood."
        if (lowest, highest) == (0.0, 1.0):
            advice += ' Divide 8-bit images by 255, or choose likelihood="normal" for real numbers;'
        _assert(tf.reduce_all((x >= lowest) & (x <= highest)), advice, x)
        if likelihood.binary:
            advice = f"{name} must be 0 or 1 under this likelihood, and nothing between. x > 0.5, or "
            advice += "keras_vae.data.binarize(x, seed), makes bits of it;"
            _assert(tf.reduce_all((x == 0.0) | (x == 1.0)), advice, x)
    elif likelihood.refuses_images and len(x.shape) == 4:
        largest = tf.reduce_max(x)
        bytes_ = (tf.reduce_min(x) >= 0) & (largest > 50) & (largest <= 255)
        advice = f"Divide them by 255; or say that they are none, {type(likelihood).__name__}(refuses_images=False);"
        _assert(~bytes_, f"{name} looks like images of 0 to 255. {advice}", x)


def warn_of_reach(x: tf.Tensor, likelihood: Likelihood, decoder: Any, name: str) -> None:
    """Warns, once of a decoder, of data that lie outside of what its last activation can return."""
    lowest, highest = reach(decoder)
    if not likelihood.locations or (lowest, highest) == (-float("inf"), float("inf")):
        return

    def warn(smallest, largest):
        if decoder not in _told:
            _told.add(decoder)
            warnings.warn(
                f"{name} lies in [{float(smallest):.3g}, {float(largest):.3g}], but its decoder ends in a "
                f"{ends_in(decoder)} and returns [{lowest:g}, {highest:g}] alone: it cannot reach the data. Leave the "
                "activation out, or rescale the data.",
                stacklevel=2,
            )

    smallest, largest = tf.reduce_min(x), tf.reduce_max(x)
    slack = 0.01 * (largest - smallest)
    outside = (smallest < lowest - slack) | (largest > highest + slack)
    if tf.executing_eagerly():
        if outside:
            warn(smallest, largest)
    else:
        told = lambda: tf.group(tf.py_function(warn, (smallest, largest), ()))  # noqa: E731
        tf.cond(outside, told, tf.no_op)


def assert_shape(x: tf.Tensor, event_shape: tuple[int, ...], name: str) -> None:
    """Refuses a batch whose events have another shape than the model's, or an unknown one."""
    wanted = ", ".join(["batch", *map(str, event_shape)])
    if x.shape.rank is None:
        raise ValueError(
            f"{name} must have the shape [{wanted}]; its rank is unknown. Say it in the data set: "
            f"dataset.map(lambda x: tf.ensure_shape(x, [None, {', '.join(map(str, event_shape))}]))."
        )
    if not x.shape[1:].is_compatible_with(event_shape):
        one = " That is one example: give a batch, x[None]." if x.shape.is_compatible_with(event_shape) else ""
        raise ValueError(f"{name} must have the shape [{wanted}]; got {list(x.shape)}.{one}")


def _assert(condition, message, x):
    text = tf.strings.format(f"{_MARK}{message} got {{}} to {{}}.%", (tf.reduce_min(x), tf.reduce_max(x)))
    tf.debugging.Assert(condition, [text], summarize=1)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turns the failed assertions of this module into a ValueError of one line."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(f"{_MARK}(.*?)%", str(error), re.DOTALL)
        if not found:
            raise
        raise ValueError(found.group(1)) from None
