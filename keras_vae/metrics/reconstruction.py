"""How well data are given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_vae.metrics import given
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

    Raises:
        TypeError: what holds no numbers.
        ValueError: two shapes, NaN or infinities, or an x that is the same in every example.
    """
    x, reconstruction = given.array("x", x), given.array("reconstruction", reconstruction)
    if x.shape != reconstruction.shape:
        raise ValueError(f"x and its reconstruction must have one shape; got {x.shape} and {reconstruction.shape}.")
    if not x.var(axis=0).any():
        raise ValueError("x is the same in every example: there is no variance to explain.")
    errors = np.square(x - reconstruction).reshape(len(x), -1).sum(axis=1)
    return Estimate.of(errors / x.var(axis=0).sum(), "fraction")
