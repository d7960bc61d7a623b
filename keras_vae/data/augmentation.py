"""Augmentation of image batches in [0, 1] by stateless seeds: functions `(batch, seed) -> batch`."""

from __future__ import annotations

import tensorflow as tf

from keras_vae import checks
from keras_vae.data.images import seed_pair


def jitter(
    batch: tf.Tensor,
    seed: tf.Tensor,
    shift: float = 2.0,
    zoom: float = 0.1,
    angle: float = 0.1,
    contrast: float = 0.3,
    brightness: float = 0.1,
) -> tf.Tensor:
    """Small shifts, zooms, rotations, and changes of contrast and brightness, one draw an image; never a flip.

    Args:
        batch: float `[batch, height, width, channels]` in [0, 1].
        seed: stateless int32 pair.
        shift: largest shift in pixels.
        zoom: largest relative change of size.
        angle: largest rotation in radians.
        contrast: largest relative change of contrast about the image's mean.
        brightness: largest change of brightness.

    Raises:
        TypeError, ValueError: a change that is no number of at least 0; a batch that is no images.
    """
    if len(batch.shape) != 4:
        raise ValueError(f"batch must be [batch, height, width, channels]; got the shape {list(batch.shape)}.")
    changes = {"shift": shift, "zoom": zoom, "angle": angle, "contrast": contrast, "brightness": brightness}
    for name, value in changes.items():
        checks.number(name, value, 0.0)
    seed = seed_pair(seed)
    count, height, width = tf.shape(batch)[0], batch.shape[1], batch.shape[2]
    draws = tf.random.stateless_uniform((6, count), seed, -1.0, 1.0)
    size, turn = 1.0 + zoom * draws[0], angle * draws[1]
    cos, sin = size * tf.cos(turn), size * tf.sin(turn)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    right = middle_x - cos * middle_x + sin * middle_y + shift * draws[2]
    down = middle_y - sin * middle_x - cos * middle_y + shift * draws[3]
    zeros = tf.zeros((count,))
    batch = tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=tf.stack([cos, -sin, right, sin, cos, down, zeros, zeros], axis=1),
        output_shape=(height, width),
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    mean = tf.reduce_mean(batch, axis=(1, 2), keepdims=True)
    gain = (1.0 + contrast * draws[4])[:, None, None, None]
    offset = (brightness * draws[5])[:, None, None, None]
    return tf.clip_by_value((batch - mean) * gain + mean + offset, 0.0, 1.0)
