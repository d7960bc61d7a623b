"""Free energy and log-likelihood on a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.metrics.estimate import Estimate
from keras_vae.metrics.given import model as require_model
from keras_vae.models.inputs import examples, standard, unpack


def free_energy(model: keras.Model, x: Any, batch_size: int = 500, samples: int = 1) -> dict[str, Estimate]:
    """Means over the data of the free energy and its terms, as `evaluate` measures them, with draws of z an example.

    An objective of several draws takes so many for each of them.

    Args:
        x: data as `fit` takes them: arrays, or a data set, which is read once more, to count its examples.
        batch_size: examples at a time; data sets have their own.

    Returns:
        `{"free_energy": Estimate, "distortion": Estimate, "rate": Estimate, ...}`, nats per example.

    Raises:
        TypeError, ValueError: no model of keras_vae, or one without a density; data that it cannot take, a number out
            of its range.
    """
    require_model(model, "batches", "evaluate", "objective").require_density()
    batch_size, samples = checks.whole("batch_size", batch_size), checks.whole("samples", samples)
    options, passes = {"verbose": 0, "return_dict": True}, 1
    if _streams(x):
        model.build_for_first(x)
        count, passes = sum(examples(batch.x) for batch in model.batches(x)), samples
    else:
        x = standard(unpack(x))
        count, options["batch_size"] = examples(x), batch_size
        if samples > 1:
            x = tree.map_structure(lambda part: np.repeat(part, samples, axis=0), x)
    measured = [model.evaluate(x, **options) for _ in range(passes)]
    samples *= getattr(model.objective, "samples", 1)
    return {
        name: Estimate(float(np.mean([one[name] for one in measured])), "nats", count, samples=samples)
        for name in measured[0]
        if name != "loss"
    }


def _streams(x):
    """Whether data come batch by batch; `model.batches` refuses what can be read once alone."""
    return isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)) or hasattr(x, "__next__")


def bits_per_dimension(model: keras.Model, x: np.ndarray, samples: int = 1000, **options) -> Estimate:
    """`-log2 p(x)` over the number of dimensions of an example, for a likelihood of discrete data, such as
    "discretized_logistic" of 8-bit images; a density's value depends on the scale of x and is no number of bits.

    Args:
        x: one array `[examples, *event]`, or a data set of them.
        samples, **options: of `negative_log_likelihood`, and with it an upper bound in expectation.

    Raises:
        TypeError: a dict of data.
        ValueError: a likelihood that is a density, as `density` says.
    """
    likelihood = require_model(model, "log_likelihood", "likelihood").likelihood
    if isinstance(x, Mapping) or isinstance(likelihood, Mapping):
        raise TypeError("Bits per dimension are of one array; of several modalities or a condition take nats.")
    if likelihood.density:
        raise ValueError(
            f"{type(likelihood).__name__} is a density: its value depends on the scale of x and is no number of bits. "
            'Take negative_log_likelihood, or a likelihood of discrete data, such as "discretized_logistic"; '
            "one of your own says density = False."
        )
    estimate = negative_log_likelihood(model, x, samples, **options)
    bits, error = float(1.0 / (np.log(2.0) * np.prod(model.event_shape))), estimate.standard_error
    return estimate._replace(value=estimate.value * bits, unit="bits", standard_error=error and error * bits)


def negative_log_likelihood(
    model: keras.Model,
    x: Any,
    samples: int | None = 1000,
    batch_size: int = 100,
    seed: int | None = 0,
    verbose: int = 0,
    given: str | tuple[str, ...] | None = None,
) -> Estimate:
    """`-log p(x)` by importance sampling (Burda et al. 2016, equation 8): an upper bound in expectation.

    Args:
        x: examples as the model takes them, arrays or a data set; binarize them first for a model of binary images.
        samples: draws of z an example; None for `PPCA`, whose likelihood is exact.
        seed: of the draws: the same seed gives the same number.
        verbose: 1 shows progress.
        given: of multimodal models: modalities of x, a name or a tuple of them, for `-log p(x_rest | x_given)` instead;
            as a difference of two estimates, no bound.

    Returns:
        Estimate in nats per example.

    Raises:
        TypeError, ValueError: as `model.log_likelihood`.
    """
    require_model(model, "log_likelihood")
    verbose = checks.whole("verbose", verbose, 0, 2)
    x = x if _streams(x) else standard(unpack(x))
    progress = keras.utils.Progbar(None if _streams(x) else examples(x), verbose=verbose, unit_name="example")
    options = {} if given is None else {"given": given}
    if samples is not None or not hasattr(model, "exact_posterior"):
        options["samples"] = checks.whole("samples", samples)
    values = model.log_likelihood(x, batch_size=batch_size, seed=seed, progress=progress.add, **options)
    return Estimate.of(-np.asarray(values), "nats", samples)
