"""Coherence of multimodal generations, as classifiers judge it (Shi et al. 2019, section 4.2).

Classifiers are given as an argument, by modality: functions or Keras models from images to logits `[batch, classes]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_vae import checks
from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate
from keras_vae.models.inputs import standard

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import tensorflow as tf

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

    Raises:
        TypeError: a model that does not translate, inputs that are no dict, classifiers that are no functions.
        ValueError: labels that are not as many as the inputs, a modality without a classifier.
    """
    given.model(model, "translate")
    inputs = standard(checks.instance("inputs", inputs, Mapping, "a dict of arrays by modality"))
    labels = given.classes("labels", labels, "examples")
    if inputs:
        given.same_length(labels=labels, inputs=next(iter(inputs.values())))
    samples, seed = checks.whole("samples", samples), checks.seed(seed, none=False)
    checks.instance("to", to, str, "the name of a modality")
    classifier = _classifiers(classifiers, [to])[to]
    right = np.zeros(len(labels))
    for draw in range(samples):
        made = model.translate(inputs, to=to, seed=(seed + draw) % (checks.LARGEST_SEED + 1))
        right += classes_of(classifier, made) == labels
    return Estimate.of(right / samples, "fraction", samples)


def joint_coherence(
    model: keras.Model, classifiers: Mapping[str, Callable], samples: int = 10_000, seed: int = 0, batch_size: int = 500
) -> Estimate:
    """Share of draws from the prior whose modalities are all of one class, by `classifiers`.

    Raises:
        TypeError: a model of one modality, classifiers that are no functions.
        ValueError: a modality without a classifier, a number out of its range.
    """
    given.model(model, "modalities", "sample")
    samples, batch_size = checks.whole("samples", samples), checks.whole("batch_size", batch_size)
    seed, judges = checks.seed(seed, none=False), _classifiers(classifiers, sorted(model.modalities))
    agree = []
    for start in range(0, samples, batch_size):
        made = model.sample(min(batch_size, samples - start), seed=(seed + start) % (checks.LARGEST_SEED + 1))
        classes = np.stack([classes_of(judge, made[name]) for name, judge in judges.items()])
        agree.append((classes == classes[0]).all(axis=0))
    return Estimate.of(np.concatenate(agree), "fraction")


def classes_of(classifier: Callable, images: np.ndarray | tf.Tensor, batch_size: int = 500) -> np.ndarray:
    """The classes that a classifier, a function from images to logits, puts images into: integers `[examples]`.

    Raises:
        TypeError: a classifier that is no function.
        ValueError: it gives other things than finite logits, a row an image.
    """
    checks.function("classifier", classifier)
    judged = []
    for start in range(0, len(images), checks.whole("batch_size", batch_size)):
        part = images[start : start + batch_size]
        logits = given.array("The classifier's logits", classifier(part), "images", "classes")
        given.same_length(logits=logits, images=part)
        judged.append(logits.argmax(axis=-1))
    return np.concatenate(judged)


def _classifiers(classifiers, names):
    """Those of these modalities, checked."""
    checks.instance("classifiers", classifiers, Mapping, "a dict of functions by modality")
    missing = [name for name in names if name not in classifiers]
    if missing:
        got = checks.told(sorted(map(str, classifiers)))
        raise ValueError(f"classifiers must judge {checks.told(missing)} as well; got those of {got}.")
    return {name: checks.function(f"The classifier of {name}", classifiers[name]) for name in names}
