"""What a condition changes, and what the latents keep while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_vae.metrics import given
from keras_vae.metrics.coherence import classes_of
from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf


def class_agreement(images: np.ndarray | tf.Tensor, labels: np.ndarray, classifier: Callable) -> Estimate:
    """Share of images that a classifier puts into the class they were made for.

    Args:
        images: generated ones, `[examples, height, width, channels]`, or `[styles, classes, height, ...]`.
        labels: the classes asked for, integers `[examples]`, or what broadcasts to `[styles, classes]`.
        classifier: function or Keras model from images to logits `[batch, classes]`.

    Returns:
        Estimate whose standard error is over the first axis: classes drawn in one style are no independent examples.

    Raises:
        TypeError: no images, labels that are no whole numbers, or a classifier that is no function.
        ValueError: other shapes, labels that do not fit the images, NaN or infinities.
    """
    images = given.array("images", images, "...", "height", "width", "channels", dtype="float32")
    labels = given.classes("labels", labels)
    lead = images.shape[:-3]
    broadcast = len(lead) == 2 and labels.shape in (lead, lead[1:], (1, lead[1]), (lead[0], 1))
    if len(lead) not in (1, 2) or not (labels.shape == lead or broadcast):
        raise ValueError(
            "images must be [examples, height, width, channels] with labels [examples], or [styles, classes, height, "
            f"...] with labels [classes]; got the shapes {list(images.shape)} and {list(labels.shape)}."
        )
    judged = classes_of(classifier, images.reshape(-1, *images.shape[-3:])).reshape(images.shape[:-3])
    return Estimate.of((judged == labels).reshape(len(images), -1).mean(axis=1), "fraction")


def intraclass_correlation(values: np.ndarray) -> Estimate:
    """How far one style looks alike under every condition: 1 where a feature depends on the style alone, 0 where it
    does not (ICC(3,1) of Shrout & Fleiss 1979, which allows for an offset a condition).

    Args:
        values: a feature of images, `[styles, conditions]`, such as `slant` or their mean intensity.

    Raises:
        TypeError: what holds no numbers.
        ValueError: fewer than two styles or conditions, values that do not vary, NaN or infinities.
    """
    values = given.array("values", values, "styles", "conditions", least=2)
    styles, conditions = values.shape
    if conditions < 2:
        raise ValueError("values must have at least 2 conditions, [styles, conditions]; got 1.")
    residual = values - values.mean(axis=0)
    means = residual.mean(axis=1, keepdims=True)
    between = conditions * (means**2).sum() / (styles - 1)
    error = ((residual - means) ** 2).sum() / ((styles - 1) * (conditions - 1))
    if not between + (conditions - 1) * error:
        raise ValueError("values are the same in every style: there is nothing to correlate.")
    return Estimate(float((between - error) / (between + (conditions - 1) * error)), "fraction", styles)


def slant(images: np.ndarray | tf.Tensor) -> np.ndarray:
    """Columns that the ink moves to the right a row downwards, `[..., height, width, channels]` to `[...]`.

    Raises:
        TypeError: no images.
        ValueError: NaN or infinities; an image without ink, or with ink in one row alone.
    """
    ink = given.array("images", images, "...", "height", "width", "channels").sum(axis=-1)
    if (ink < 0).any() or (np.count_nonzero(ink.sum(axis=-1), axis=-1) < 2).any():
        raise ValueError("Each image must have ink, values above 0, in two rows or more: else it has no slant.")
    ink = ink / ink.sum(axis=(-2, -1), keepdims=True)
    rows, columns = np.meshgrid(*map(np.arange, ink.shape[-2:]), indexing="ij")

    def mean(values):
        return (ink * values).sum(axis=(-2, -1))

    covariance = mean(rows * columns) - mean(rows) * mean(columns)
    return covariance / (mean(rows**2) - mean(rows) ** 2)
