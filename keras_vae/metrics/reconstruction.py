"""How close reconstructions are."""

import numpy as np

from keras_vae.metrics.estimate import Estimate


def unexplained_variance(x, reconstructed):
    """Squared error over the variance about the mean example: 0 for a perfect reconstruction, 1 for that mean.

    Args:
        x: data `[examples, *event]`.
        reconstructed: of the same shape.

    Returns:
        Estimate, a fraction; its standard error is over examples and takes the variance as known.
    """
    x, reconstructed = np.asarray(x, "float64"), np.asarray(reconstructed, "float64")
    axes = tuple(range(1, x.ndim))
    variance = np.sum((x - x.mean(axis=0)) ** 2, axis=axes).mean()
    return Estimate.of(np.sum((x - reconstructed) ** 2, axis=axes) / variance, "fraction")
