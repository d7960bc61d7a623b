"""What a condition changes, and what the latents keep while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    """
    images = np.asarray(images)
    judged = classes_of(classifier, images.reshape(-1, *images.shape[-3:])).reshape(images.shape[:-3])
    return Estimate.of((judged == np.asarray(labels)).reshape(len(images), -1).mean(axis=1), "fraction")


def intraclass_correlation(values: np.ndarray) -> Estimate:
    """How far one style looks alike under every condition: 1 where a feature depends on the style alone, 0 where it
    does not (ICC(3,1) of Shrout & Fleiss 1979, which allows for an offset a condition).

    Args:
        values: a feature of images, `[styles, conditions]`, such as `slant` or their mean intensity.
    """
    values = np.asarray(values, "float64")
    styles, conditions = values.shape
    residual = values - values.mean(axis=0)
    means = residual.mean(axis=1, keepdims=True)
    between = conditions * (means**2).sum() / (styles - 1)
    error = ((residual - means) ** 2).sum() / ((styles - 1) * (conditions - 1))
    return Estimate(float((between - error) / (between + (conditions - 1) * error)), "fraction", styles)


def slant(images: np.ndarray | tf.Tensor) -> np.ndarray:
    """Columns that the ink moves to the right a row downwards, `[..., height, width, channels]` to `[...]`."""
    ink = np.asarray(images, "float64").sum(axis=-1)
    ink = ink / ink.sum(axis=(-2, -1), keepdims=True)
    rows, columns = np.meshgrid(*map(np.arange, ink.shape[-2:]), indexing="ij")

    def mean(values):
        return (ink * values).sum(axis=(-2, -1))

    covariance = mean(rows * columns) - mean(rows) * mean(columns)
    return covariance / (mean(rows**2) - mean(rows) ** 2)
