"""Examples of one class: of several data sets those that show the same digit, by seeded index, never by copying."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.data.images import arrays, checked_order, index_batches, scale_of
from keras_vae.models.inputs import OBSERVED, examples, one_array

SOURCES = {"mnist": "mnist", "svhn": "svhn_cropped"}


def paired_arrays(split: str = "train") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`{"mnist": (images, labels), "svhn": (images, labels)}`, uint8, of one split of both data sets."""
    return {modality: arrays(name, split) for modality, name in SOURCES.items()}


def pair_indices(labels: np.ndarray, other_labels: np.ndarray, seed: int = 0, repeats: int = 1) -> np.ndarray:
    """For each label, the index of an example of the same class in the other data set, drawn uniformly.

    Returns:
        int `[repeats * len(labels)]`; row `r * len(labels) + i` is the r-th partner of example i.

    Raises:
        TypeError: labels that are no whole numbers, a number that is none.
        ValueError: labels that are no vector; a class without a partner; a number out of its range.
    """
    labels, other_labels = _labels("labels", labels), _labels("other_labels", other_labels)
    repeats, seed = checks.whole("repeats", repeats), checks.seed(seed, none=False)
    generator = np.random.default_rng(seed)
    labels = np.tile(labels, repeats)
    partners = np.empty(len(labels), int)
    for label in np.unique(labels):
        candidates = np.flatnonzero(other_labels == label)
        if not len(candidates):
            raise ValueError(f"No example of class {label} to pair with.")
        rows = labels == label
        partners[rows] = generator.choice(candidates, rows.sum())
    return partners


def _labels(name, labels):
    """Classes by their numbers, `[examples]`."""
    labels = np.asarray(one_array(name, labels))
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} must be the whole numbers of classes; got {checks.told(labels)}, {labels.dtype}.")
    if labels.ndim != 1 or not len(labels) or labels.min() < 0:
        raise ValueError(f"{name} must be [examples], 0 or more each; got the shape {list(labels.shape)}.")
    return labels


def paired_batches(
    data: dict[str, tuple[np.ndarray, np.ndarray]],
    batch_size: int = 128,
    *,
    augment: dict[str, Callable] | None = None,
    missing: float = 0.0,
    seed: int = 0,
    shuffle: bool = True,
) -> tf.data.Dataset:
    """`tf.data.Dataset` of `{modality: float32 batch in [0, 1]}` of the same class, from uint8 images, or from others
    as they are; new partners at each epoch.

    An epoch shows every example of the first modality once, each with a partner drawn among the examples of its class
    of every other.

    Args:
        data: `{modality: (uint8 images, labels)}` of two modalities or more, as `paired_arrays` returns it.
        augment: None, or `{modality: function (batch, seed) -> batch}`.
        missing: share of what is missing of each modality. Which, is drawn once for the examples of the first, whose
            partners are missing or there at every epoch; of no example is all missing. Batches then hold "observed"
            masks, as multimodal models take them.
        seed: of order, partners, what is missing, and augmentation.
        shuffle: a new order at each epoch.

    Raises:
        TypeError: no such dict, labels that are no whole numbers, an argument of another type.
        ValueError: fewer than two modalities, not as many labels as images, a class of the first that another lacks, a
            number out of its range.
    """
    checks.instance("data", data, Mapping, "{modality: (images, labels)} of two modalities or more")
    if len(data) < 2 or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in data.values()):
        raise ValueError(
            "data must be {modality: (images, labels)} of two modalities or more, as paired_arrays makes it."
        )
    augment = checks.instance(
        "augment", {} if augment is None else augment, Mapping, "a dict of functions by modality, or None"
    )
    for name, function in augment.items():
        checks.choice("modality", name, data)
        checks.function(f"augment of {name!r}", function)
    missing = checks.number("missing", missing, 0.0, 1.0)
    if missing == 1.0:
        raise ValueError("missing must be below 1: nothing would be left.")
    data = {
        name: (one_array(f"The images of {name}", images), _labels(f"The labels of {name}", labels))
        for name, (images, labels) in data.items()
    }
    for pair in data.values():
        examples(pair)  # as many labels as images
    scales = {name: scale_of(images) for name, (images, _) in data.items()}
    first, *others = data
    images, labels = data[first]
    batch_size, seed = checked_order(len(images), batch_size, shuffle, seed)
    observed = _some_of_each(len(images), len(data), missing, seed) if missing else None
    stored = {name: tf.constant(images) for name, (images, _) in data.items()}
    partners = {name: _by_class(first, labels, name, data[name][1]) for name in others}
    labels = tf.constant(labels)

    def make(indices, seeds):
        batch, chosen = {first: tf.gather(stored[first], indices)}, tf.gather(labels, indices)
        for place, (name, (order, counts, starts)) in enumerate(partners.items()):
            rank = tf.random.stateless_uniform(tf.shape(indices), seeds + 100 * place) * tf.gather(counts, chosen)
            found = tf.gather(order, tf.gather(starts, chosen) + tf.cast(rank, starts.dtype))
            batch[name] = tf.gather(stored[name], found)
        batch = {name: tf.cast(values, "float32") / scales[name] for name, values in batch.items()}
        for shift, (name, function) in enumerate(augment.items()):
            batch[name] = function(batch[name], seeds + 1 + shift)
        if observed is not None:
            masks = tf.unstack(tf.gather(observed, indices), axis=-1, num=len(data))
            batch[OBSERVED] = dict(zip(data, masks, strict=True))
        return batch

    return index_batches(len(images), batch_size, shuffle, seed).map(make, tf.data.AUTOTUNE).prefetch(2)


def _by_class(first, labels, name, other_labels):
    """`(order, counts, starts)`: examples of a modality in the order of their classes, how many each class has, and
    where in the order it starts."""
    counts = np.bincount(other_labels, minlength=int(max(labels.max(), other_labels.max())) + 1)
    if (counts[np.unique(labels)] == 0).any():
        raise ValueError(f"Some class of {first} has no example in {name} to pair with.")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    order = np.argsort(other_labels, kind="stable")
    return tf.constant(order), tf.constant(counts, tf.float32), tf.constant(starts)


def _some_of_each(examples, modalities, missing, seed):
    """What is observed, boolean `[examples, modalities]`: each by itself, drawn again where nothing was left."""
    generator = np.random.default_rng(seed)
    observed = generator.random((examples, modalities)) >= missing
    while len(empty := np.flatnonzero(~observed.any(axis=1))):
        observed[empty] = generator.random((len(empty), modalities)) >= missing
    return observed
