"""What the latents hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_vae.distributions import kl_divergence
from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    import keras
    from sklearn.base import ClassifierMixin


def active_units(model: keras.Model, x, threshold: float = 0.01) -> Estimate:
    """Number of latents whose posterior mean varies over the data by more than `threshold` (Burda et al. 2016, 2.4)."""
    means = model.embed(x)
    return Estimate(int((means.var(axis=0) > threshold).sum()), "latents", len(means))


def posterior_moments(model: keras.Model, x, batch_size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of q(z|x), NumPy `[examples, latents]` each."""
    posteriors = [model.encode(batch) for batch in model.batches(x, batch_size)]
    return tuple(np.concatenate(parts) for parts in ([q.mean() for q in posteriors], [q.stddev() for q in posteriors]))


def rate_per_latent(model: keras.Model, x, batch_size: int = 512) -> np.ndarray:
    """`KL(q(z_j|x) || p(z_j))` averaged over the data, nats per example, NumPy `[latents]`; its sum is the rate.

    For posteriors and priors of independent latents. How many nats a latent carries, and which carry none.
    """
    parts = []
    for batch in model.batches(x, batch_size):
        q = model.encode(batch).distribution
        parts.append(kl_divergence(q, model.prior_of(batch).distribution, q.mean()))
    return np.concatenate(parts).mean(axis=0)


def linear_probe(
    model: keras.Model,
    train,
    train_labels: np.ndarray,
    test,
    test_labels: np.ndarray,
    classifier: ClassifierMixin | None = None,
) -> Estimate:
    """Accuracy on `test` of a logistic regression on the posterior means of `train`.

    Args:
        train, test: data as the model takes them; leave a modality out to probe the posterior without it.
        train_labels, test_labels: integers `[examples]`.
        classifier: a scikit-learn classifier instead of a logistic regression.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), classifier or LogisticRegression(max_iter=1000))
    probe.fit(model.embed(train), train_labels)
    return Estimate.of(probe.predict(model.embed(test)) == np.asarray(test_labels), "fraction")
