"""Same-class pairs: images of two data sets that show the same digit, paired by seeded index, never by copying."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_vae.data.images import arrays, index_batches

SOURCES = {"mnist": "mnist", "svhn": "svhn_cropped"}


def paired_arrays(split: str = "train") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`{"mnist": (images, labels), "svhn": (images, labels)}`, uint8, of one split of both data sets."""
    return {modality: arrays(name, split) for modality, name in SOURCES.items()}


def pair_indices(labels: np.ndarray, other_labels: np.ndarray, seed: int = 0, repeats: int = 1) -> np.ndarray:
    """For each label, the index of an example of the same class in the other data set, drawn uniformly.

    Returns:
        int `[repeats * len(labels)]`; row `r * len(labels) + i` is the r-th partner of example i.
    """
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


def paired_batches(
    data: dict[str, tuple[np.ndarray, np.ndarray]],
    batch_size: int = 128,
    *,
    augment: dict[str, Callable] | None = None,
    seed: int = 0,
    shuffle: bool = True,
) -> tf.data.Dataset:
    """`tf.data.Dataset` of `{modality: float32 batch in [0, 1]}` of the same class; new pairs at each epoch.

    An epoch shows every example of the first modality once, each with a partner drawn among the second's examples of
    its class.

    Args:
        data: `{modality: (uint8 images, labels)}` of two modalities, as `paired_arrays` returns it.
        augment: None, or `{modality: function (batch, seed) -> batch}`.
        seed: of order, pairs and augmentation.
        shuffle: a new order at each epoch.
    """
    (first, (images, labels)), (second, (others, other_labels)) = data.items()
    order = np.argsort(other_labels, kind="stable")
    classes = int(max(labels.max(), other_labels.max())) + 1
    counts = np.bincount(other_labels, minlength=classes)
    if (counts[np.unique(labels)] == 0).any():
        raise ValueError(f"Some class of {first} has no example in {second} to pair with.")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    images, labels, others = tf.constant(images), tf.constant(labels), tf.constant(others)
    order, counts, starts = tf.constant(order), tf.constant(counts, tf.float32), tf.constant(starts)

    def make(indices, seeds):
        chosen = tf.gather(labels, indices)
        rank = tf.random.stateless_uniform(tf.shape(indices), seeds) * tf.gather(counts, chosen)
        partners = tf.gather(order, tf.gather(starts, chosen) + tf.cast(rank, starts.dtype))
        pair = {first: tf.gather(images, indices), second: tf.gather(others, partners)}
        pair = {name: tf.cast(batch, "float32") / 255.0 for name, batch in pair.items()}
        for shift, (name, function) in enumerate((augment or {}).items()):
            pair[name] = function(pair[name], seeds + 1 + shift)
        return pair

    return index_batches(len(images), batch_size, shuffle, seed).map(make, tf.data.AUTOTUNE).prefetch(2)
