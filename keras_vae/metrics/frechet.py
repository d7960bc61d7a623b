"""How far apart two sets of images are, by the features that a classifier sees in them."""

from __future__ import annotations

import keras
import numpy as np

from keras_vae import checks
from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate


def frechet_distance(features: np.ndarray, other_features: np.ndarray) -> Estimate:
    """Squared Fréchet distance between normals fitted to two sets of features (Heusel et al. 2017, equation 6):
    `|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))`, with means m and covariances C.

    It falls as sets grow, even of the same distribution: figures compare only where the numbers of examples and the
    network of the features agree. "FID" has those of Inception, 50,000 examples.

    Args:
        features, other_features: vectors, such as `classifier_features` gives them, `[examples, features]`; the
            numbers of examples may differ.

    Returns:
        Estimate of at least 0, in squared units of the features; its examples are those of the smaller set.

    Raises:
        TypeError: what holds no numbers.
        ValueError: no vectors, fewer than two of them, of different lengths, or not finite.
    """
    names = ("features", "other_features")
    sets = [given.array(name, part) for name, part in zip(names, (features, other_features), strict=True)]
    if any(part.ndim != 2 or len(part) < 2 for part in sets):
        raise ValueError(
            "Features must be arrays [examples, features] of at least 2 examples each; "
            f"got the shapes {sets[0].shape} and {sets[1].shape}."
        )
    if sets[0].shape[1] != sets[1].shape[1]:
        raise ValueError(
            f"The sets have different numbers of features, {sets[0].shape[1]} and {sets[1].shape[1]}: take both from "
            "the same layer of the same classifier."
        )
    means = [part.mean(axis=0) for part in sets]
    # R'R is the covariance. The trace of (C C')^(1/2) is the sum of the singular values of R R'^T: unlike a matrix
    # square root, it needs no covariance of full rank, and is never complex.
    roots = [
        np.linalg.qr((part - mean) / np.sqrt(len(part) - 1), mode="r") for part, mean in zip(sets, means, strict=True)
    ]
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    distance = np.square(means[0] - means[1]).sum() + sum(np.square(root).sum() for root in roots) - 2 * shared
    return Estimate(max(float(distance), 0.0), "score", min(map(len, sets)))


def classifier_features(classifier: keras.Model, images: np.ndarray, batch_size: int = 500) -> np.ndarray:
    """What enters the last Dense layer of a classifier: its last hidden layer, NumPy `[examples, features]`.

    Args:
        classifier: functional or sequential Keras model, such as `zoo.load("classifier_mnist")`.
        images: as the classifier takes them, `[examples, *event]`.

    Raises:
        ValueError: the classifier is no such model, or has no Dense layer; images of another shape, or not finite.
        TypeError: no images.
    """
    batch_size = checks.whole("batch_size", batch_size)
    dense = [layer for layer in getattr(classifier, "layers", ()) if isinstance(layer, keras.layers.Dense)]
    if not dense or not getattr(classifier, "inputs", None):
        raise ValueError(
            "The classifier must be a functional or sequential Keras model whose own layers include a Dense one, built "
            f"from a keras.Input; got {type(classifier).__name__}."
        )
    images, wanted = given.array("images", images, dtype="float32"), tuple(classifier.inputs[0].shape[1:])
    if len(wanted) != images.ndim - 1 or any(b not in (a, None) for a, b in zip(images.shape[1:], wanted, strict=True)):
        raise ValueError(f"images must be [examples, {', '.join(map(str, wanted))}]; got {list(images.shape)}.")
    hidden = keras.Model(classifier.inputs, dense[-1].input)
    return hidden.predict(images, batch_size=batch_size, verbose=0)
