"""How much draws differ from each other."""

from __future__ import annotations

import numpy as np

from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate


def diversity(draws: np.ndarray) -> Estimate:
    """Mean distance between two draws of the same thing: root mean squared difference of their elements.

    Of `model.translate(x, to="svhn", samples=10)`, how much what is made of one image differs; of real images by class,
    how much it might: near nothing, and every draw is one picture.

    Args:
        draws: `[draws, examples, *event]`, at least two of each example.

    Returns:
        Estimate in the data's unit ("intensity"); its standard error is over examples, each with the mean of all pairs
        of its draws.

    Raises:
        TypeError: what holds no numbers.
        ValueError: one draw, no axis of examples, NaN or infinities.
    """
    draws = given.array("draws", draws, least=2, dtype="float32")
    if draws.ndim < 2 or len(draws) < 2:
        raise ValueError(f"draws must be [draws, examples, *event], two draws or more; got {list(draws.shape)}.")
    flat = draws.reshape(*draws.shape[:2], -1)
    apart = np.zeros(flat.shape[1])
    for first in range(len(flat) - 1):
        squares = np.square(flat[first + 1 :] - flat[first], dtype="float64").mean(axis=-1)
        apart += np.sqrt(squares).sum(axis=0)
    return Estimate.of(2.0 * apart / (len(flat) * (len(flat) - 1)), "intensity", len(flat))
