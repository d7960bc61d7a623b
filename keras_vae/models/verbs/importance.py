"""Estimates of log p(x) by importance sampling, once for every model with a density."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_vae.distributions.seeds import fold_in
from keras_vae.parts import Likelihood


def draws_at_a_time(samples: int, examples: int, decoded: int = Likelihood.decoded) -> int:
    """Draws of each example at a time that make about `decoded` in all, in equal parts: none is nearly empty."""
    parts = max(round(samples * examples / decoded), 1)
    return -(-samples // parts)


def log_likelihood_function(model: Any) -> Callable:
    """Compiled function `(batch, seed, samples, chunk) -> log p(x)`, nats, `[batch]` (Burda et al. 2016, equation 8).

    `log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)` rises with K in expectation and is the ELBO's estimate at K = 1; z_k are
    drawn from the model's `proposal`.
    Draws are made `chunk` at a time inside one graph, so memory does not grow with `samples`.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def log_likelihood(batch, seed, samples, chunk):
        batch = batch._replace(memo={})
        q, prior = model.proposal(batch), model.prior_of(batch)

        def accumulate(index, total):
            z = q.sample(chunk, seed=fold_in(seed, index))
            weights = model.likelihood_of(z, batch).log_prob(batch.x) + prior.log_prob(z) - q.log_prob(z)
            wanted = index * chunk + tf.range(chunk) < samples
            weights = tf.where(wanted[:, None], weights, -float("inf"))
            return index + 1, tf.reduce_logsumexp(tf.concat([total[None], weights], axis=0), axis=0)

        start = tf.fill(tf.shape(tf.nest.flatten(batch.x)[0])[:1], -float("inf"))
        _, total = tf.while_loop(lambda index, _: index * chunk < samples, accumulate, (0, start))
        return total - tf.math.log(tf.cast(samples, "float32"))

    return log_likelihood
