"""Coherence of multimodal generations, as classifiers judge it (Shi et al. 2019, section 4.2).

Classifiers are given as an argument, by modality: functions or Keras models from images to logits `[batch, classes]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import keras

    from keras_vae.metrics.canonical_correlation import CanonicalCorrelation


def cross_coherence(
    model: keras.Model | CanonicalCorrelation,
    inputs: dict[str, np.ndarray],
    labels: np.ndarray,
    to: str,
    classifiers: Mapping[str, Callable],
    samples: int = 10,
    seed: int = 0,
) -> Estimate:
    """Share of generations of modality `to` whose class is that of the input.

    Args:
        inputs: dict of arrays of the modalities given.
        labels: true classes of the inputs, integers `[examples]`.
        to: the modality generated, judged by `classifiers[to]`.
        samples: generations an example.

    Returns:
        Estimate whose standard error is over examples, each with the mean of its generations.
    """
    right = np.zeros(len(labels))
    for draw in range(samples):
        made = model.translate(inputs, to=to, seed=seed + draw)
        right += classes_of(classifiers[to], made) == np.asarray(labels)
    return Estimate.of(right / samples, "fraction", samples)


def joint_coherence(
    model: keras.Model, classifiers: Mapping[str, Callable], samples: int = 10_000, seed: int = 0, batch_size: int = 500
) -> Estimate:
    """Share of draws from the prior whose modalities are all of one class, by `classifiers`."""
    agree = []
    for start in range(0, samples, batch_size):
        made = model.sample(min(batch_size, samples - start), seed=seed + start)
        classes = np.stack([classes_of(classifiers[name], made[name]) for name in sorted(made)])
        agree.append((classes == classes[0]).all(axis=0))
    return Estimate.of(np.concatenate(agree), "fraction")


def classes_of(classifier: Callable, images: np.ndarray | tf.Tensor, batch_size: int = 500) -> np.ndarray:
    """The classes that a classifier, a function from images to logits, puts images into: integers `[examples]`."""
    parts = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return np.concatenate([tf.argmax(classifier(part), axis=-1).numpy() for part in parts])
