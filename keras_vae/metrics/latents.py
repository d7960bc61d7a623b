"""What the latents hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions import kl_divergence
from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    import keras
    from sklearn.base import ClassifierMixin


def active_units(model: keras.Model, x: Any, threshold: float = 0.01) -> Estimate:
    """Number of latents whose posterior mean varies over the data by more than `threshold` (Burda et al. 2016, 2.4); of
    several vectors, as a ladder's rungs are, of all of them.

    Args:
        x: as `model.embed` takes them: arrays, or a data set.

    Raises:
        TypeError, ValueError: latents that are no vectors, a threshold below 0, data that the model cannot take.
    """
    threshold = checks.number("threshold", threshold, 0.0)
    means = _joined(given.with_vector_latents(model, "embed", several=True).embed(x))
    return Estimate(int((means.var(axis=0) > threshold).sum()), "latents", len(means))


def _joined(vectors):
    """Latents, `[examples, latents]`, of one vector or of several by name."""
    return np.concatenate(list(checks.named(vectors).values()), axis=-1)


def posterior_moments(model: keras.Model, x: Any, batch_size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of q(z|x), NumPy `[examples, latents]` each.

    Raises:
        TypeError, ValueError: as `active_units`; a posterior without standard deviations.
    """
    given.with_vector_latents(model, "encode", "batches")
    posteriors = [model.encode(batch) for batch in model.batches(x, checks.whole("batch_size", batch_size))]
    return tuple(np.concatenate(parts) for parts in ([q.mean() for q in posteriors], [q.stddev() for q in posteriors]))


def rate_per_latent(model: keras.Model, x: Any, batch_size: int = 512) -> np.ndarray:
    """`KL(q(z_j|x) || p(z_j))` averaged over the data, nats per example, NumPy `[latents]`; its sum is the rate.

    For posteriors and priors of independent latents. How many nats a latent carries, and which carry none.

    Raises:
        TypeError: as `active_units`.
        ValueError: as `active_units`; latents that are not independent.
    """
    given.with_vector_latents(model, "encode", "batches")
    parts = []
    for batch in model.batches(x, checks.whole("batch_size", batch_size)):
        both = model.encode(batch), model.prior_of(batch)
        for one in both:
            if not isinstance(one, tfp.distributions.Independent):
                raise ValueError(
                    f"Rates of single latents are of independent ones; this {type(model).__name__} has a "
                    f"{type(one).__name__}."
                )
        q, p = (one.distribution for one in both)
        parts.append(kl_divergence(q, p, q.mean()))
    return np.concatenate(parts).mean(axis=0)


def linear_probe(
    model: keras.Model,
    train: Any,
    train_labels: np.ndarray,
    test: Any,
    test_labels: np.ndarray,
    classifier: ClassifierMixin | None = None,
) -> Estimate:
    """Accuracy on `test` of a logistic regression on the posterior means of `train`; of several vectors, on all of
    them.

    Args:
        train, test: data as the model takes them; leave a modality out to probe the posterior without it.
        train_labels, test_labels: integers `[examples]`.
        classifier: a scikit-learn classifier instead of a logistic regression.

    Raises:
        TypeError: as `active_units`; labels that are no whole numbers, a classifier that does not fit and predict.
        ValueError: as `active_units`; labels that are not as many as the examples, or all the same.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    given.with_vector_latents(model, "embed", several=True)
    if classifier is not None and (isinstance(classifier, type) or not hasattr(classifier, "predict")):
        raise TypeError(f"classifier must be a scikit-learn classifier or None; got {checks.told(classifier)}.")
    labels = {
        "train": given.classes("train_labels", train_labels, "examples"),
        "test": given.classes("test_labels", test_labels, "examples"),
    }
    if len(np.unique(labels["train"])) < 2:
        raise ValueError("train_labels must be of at least two classes.")
    codes = {"train": _joined(model.embed(train)), "test": _joined(model.embed(test))}
    for name, embedded in codes.items():
        given.same_length(**{f"{name}_labels": labels[name], name: embedded})
    probe = make_pipeline(StandardScaler(), classifier or LogisticRegression(max_iter=1000))
    probe.fit(codes["train"], labels["train"])
    return Estimate.of(probe.predict(codes["test"]) == labels["test"], "fraction")
