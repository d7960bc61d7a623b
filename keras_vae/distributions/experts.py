"""Joint posteriors of several modalities' experts."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def product_of_experts(loc, scale, mask=None, prior=True) -> tuple[tf.Tensor, tf.Tensor]:
    """Product of diagonal normal experts, and of the standard normal prior (Wu & Goodman 2018, section 2.2).

    The product has precision `1 + sum_m 1 / scale_m**2` and a mean weighted by precisions. It is computed from
    log-precisions, so that neither tiny nor huge scales overflow. With no expert left it is the prior.

    Args:
        loc: experts' means, `[experts, ..., latent]`.
        scale: experts' standard deviations, of the same shape.
        mask: True where an expert takes part; must broadcast with `loc`. None: everywhere.
        prior: whether the standard normal is one of the factors: a boolean, or a tensor of them, `[..., latent]`.

    Returns:
        `(loc, scale)` of the product, `[..., latent]` each.
    """
    log_precision = -2.0 * tf.math.log(scale)
    if mask is not None:
        loc = tf.where(mask, loc, 0.0)
        log_precision = tf.where(mask, log_precision, -float("inf"))
    if prior is not False:
        loc = tf.concat([tf.zeros_like(loc[:1]), loc], axis=0)
        unit = tf.where(prior, tf.zeros_like(log_precision[0]), -float("inf"))
        log_precision = tf.concat([unit[None], log_precision], axis=0)
    log_total = tf.reduce_logsumexp(log_precision, axis=0)
    weights = tf.exp(log_precision - log_total)
    return tf.reduce_sum(weights * loc, axis=0), tf.exp(-0.5 * log_total)


def mixture_of_experts(components, mask=None) -> Any:
    """Uniform mixture of experts (Shi et al. 2019, section 3).

    Args:
        components: TFP distribution with batch shape `[batch, experts]` and event shape `[latent]`.
        mask: True where an expert takes part, `[batch, experts]`; at least one a row. None: everywhere.

    Returns:
        TFP distribution with batch shape `[batch]`.
    """
    logits = tf.zeros(components.batch_shape_tensor(), components.dtype)
    if mask is not None:
        logits = tf.where(mask, logits, -1e9)  # finite, so that gradients stay so
    return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), components)
