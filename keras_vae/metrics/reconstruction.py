"""How well data are given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    import tensorflow as tf


def reconstruction_error(x: np.ndarray | tf.Tensor, reconstruction: np.ndarray | tf.Tensor) -> Estimate:
    """Squared error over the data's variance: 1 minus the share of variance that is explained.

    Args:
        x: held-out data `[examples, *event]`.
        reconstruction: of the same shape, such as `model.reconstruct(x)`.

    Returns:
        Estimate as a fraction: 0 is perfect, 1 is what the mean of `x` would give.
    """
    x, reconstruction = np.asarray(x, "float64"), np.asarray(reconstruction, "float64")
    errors = np.square(x - reconstruction).reshape(len(x), -1).sum(axis=1)
    return Estimate.of(errors / x.var(axis=0).sum(), "fraction")
