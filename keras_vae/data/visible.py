"""Images of which only some quadrants are visible: the conditions of models that complete them (Sohn et al. 2015)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.data.images import seed_pair, zeros_and_ones
from keras_vae.models.inputs import one_array


def quadrants(visible: np.ndarray | tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Masks of visible quadrants.

    Args:
        visible: booleans `[..., 4]`: upper left, upper right, lower left, lower right.
        height, width: of the image; the upper and left halves are the smaller ones where these are odd.

    Returns:
        float32 `[..., height, width, 1]`: 1 where visible, else 0.

    Raises:
        TypeError, ValueError: a side that is no positive integer; other than four quadrants; no booleans.
    """
    height, width = checks.whole("height", height, most=10_000), checks.whole("width", width, most=10_000)
    visible = zeros_and_ones("visible", visible)
    if visible.shape[-1] != 4:
        raise ValueError(f"visible must be four quadrants an image, [..., 4]; got the shape {list(visible.shape)}.")
    visible = tf.cast(visible, "float32")
    grid = tf.reshape(visible, tf.concat([tf.shape(visible)[:-1], [2, 2, 1]], axis=0))
    for axis, side in ((-3, height), (-2, width)):
        grid = tf.repeat(grid, [side // 2, side - side // 2], axis=axis)
    return grid


def random_quadrants(count: int | tf.Tensor, height: int, width: int, seed: tf.Tensor) -> tf.Tensor:
    """`count` masks, `[count, height, width, 1]`, with one, two or three visible quadrants drawn uniformly.

    Args:
        seed: a stateless int32 pair `[2]`.

    Raises:
        TypeError, ValueError: a count or a side that is no positive integer; a seed that is none.
    """
    symbolic = tf.is_tensor(count) and not tf.executing_eagerly()
    count = count if symbolic else checks.whole("count", count)
    seed = seed_pair(seed)
    rank = tf.argsort(tf.argsort(tf.random.stateless_uniform((count, 4), seed)))
    number = tf.random.stateless_uniform((count, 1), seed + 1, minval=1, maxval=4, dtype=tf.int32)
    return quadrants(rank < number, height, width)


def visible_part(x: np.ndarray | tf.Tensor, mask: np.ndarray | tf.Tensor) -> tf.Tensor:
    """The condition of a model that completes x: x where visible, else zero, and the mask as one more channel.

    Args:
        x: images `[..., height, width, channels]`.
        mask: `[..., height, width, 1]`, 1 where visible.

    Returns:
        float32 `[..., height, width, channels + 1]`.

    Raises:
        TypeError: what holds no numbers.
        ValueError: an x that is no images, a mask of another height or width, or of other numbers than 0 and 1.
    """
    x, mask = one_array("x", x), zeros_and_ones("mask", mask)
    if len(x.shape) < 3 or len(mask.shape) < 3 or tuple(mask.shape[-3:]) != (*x.shape[-3:-1], 1):
        raise ValueError(
            "x must be [..., height, width, channels] and its mask [..., height, width, 1]; got the shapes "
            f"{list(x.shape)} and {list(mask.shape)}."
        )
    try:
        fits = tf.broadcast_static_shape(tf.TensorShape(mask.shape[:-3]), tf.TensorShape(x.shape[:-3]))
        fits.assert_is_compatible_with(x.shape[:-3])
    except ValueError:
        raise ValueError(
            f"There must be one mask, or as many as x; got the shapes {list(x.shape)} and {list(mask.shape)}."
        ) from None
    x = tf.cast(x, "float32")
    mask = tf.broadcast_to(tf.cast(mask, "float32"), tf.concat([tf.shape(x)[:-1], [1]], axis=0))
    return tf.concat([tf.where(mask > 0.5, x, 0.0), mask], axis=-1)
