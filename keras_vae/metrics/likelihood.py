"""Free energy and log-likelihood on a data set."""

from __future__ import annotations

import keras
import numpy as np
from keras import tree

from keras_vae.metrics.estimate import Estimate


def free_energy(model: keras.Model, x, batch_size: int = 500, samples: int = 1) -> dict[str, Estimate]:
    """Means over the data of the free energy and its terms, as `evaluate` measures them, with draws of z an example.

    An objective of several draws takes so many for each of them.

    Returns:
        `{"free_energy": Estimate, "distortion": Estimate, "rate": Estimate, ...}`, nats per example.
    """
    examples = len(next(iter(x.values())) if isinstance(x, dict) else x)
    if samples > 1:
        x = tree.map_structure(lambda part: np.repeat(part, samples, axis=0), x)
    measured = model.evaluate(x, batch_size=batch_size, verbose=0, return_dict=True)
    measured.pop("loss")
    samples *= getattr(model.objective, "samples", 1)
    return {name: Estimate(float(value), "nats", examples, samples=samples) for name, value in measured.items()}


def bits_per_dimension(model: keras.Model, x: np.ndarray, samples: int = 1000, **options) -> Estimate:
    """`-log2 p(x)` over the number of dimensions of an example, for a likelihood of discrete data, such as
    "discretized_logistic" of 8-bit images; a density's value depends on the scale of x and is no number of bits.

    Args:
        x: one array `[examples, *event]`.
        samples, **options: of `negative_log_likelihood`, and with it an upper bound in expectation.
    """
    estimate = negative_log_likelihood(model, x, samples, **options)
    bits = 1.0 / (np.log(2.0) * np.prod(np.shape(x)[1:]))
    return estimate._replace(
        value=float(estimate.value * bits), unit="bits", standard_error=float(estimate.standard_error * bits)
    )


def negative_log_likelihood(
    model: keras.Model,
    x,
    samples: int = 1000,
    batch_size: int = 100,
    seed: int | None = 0,
    verbose: int = 0,
    given: str | tuple[str, ...] | None = None,
) -> Estimate:
    """`-log p(x)` by importance sampling (Burda et al. 2016, equation 8): an upper bound in expectation.

    Args:
        x: examples as the model takes them; binarize them first for a model of binary images.
        samples: draws of z an example.
        seed: of the draws: the same seed gives the same number.
        verbose: 1 shows progress.
        given: of multimodal models: modalities of x, a name or a tuple of them, for `-log p(x_rest | x_given)` instead;
            as a difference of two estimates, no bound.

    Returns:
        Estimate in nats per example.
    """
    examples = len(next(iter(x.values())) if isinstance(x, dict) else x)
    progress = keras.utils.Progbar(examples, verbose=verbose, unit_name="example")
    options = {} if given is None else {"given": given}
    values = model.log_likelihood(
        x, samples=samples, batch_size=batch_size, seed=seed, progress=progress.add, **options
    )
    return Estimate.of(-np.asarray(values), "nats", samples)
