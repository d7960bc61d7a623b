"""Joint posteriors of several modalities' experts."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks

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

    Raises:
        TypeError, ValueError: other things than these, or of other shapes; where it runs eagerly, scales below 0 too.
    """
    loc, scale = _numbers("loc", loc), _numbers("scale", scale)
    if not (loc.shape.rank != 0 and loc.shape.is_compatible_with(scale.shape)):
        raise ValueError(f"loc and scale must have one shape; got {list(loc.shape)} and {list(scale.shape)}.")
    if tf.executing_eagerly() and tf.reduce_any(scale < 0):
        raise ValueError("scale must be standard deviations, above 0; there are some below.")
    mask = _mask("mask", mask, loc)
    prior = bool(prior) if isinstance(prior, (bool, np.bool_)) else _mask("prior", prior, loc[0])
    if prior is None:
        raise TypeError("prior must be True, False or booleans by latent; got None.")
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

    Raises:
        TypeError, ValueError: no distribution, or no such mask.
    """
    checks.instance("components", components, tfd.Distribution, "a TFP distribution")
    logits = tf.zeros(components.batch_shape_tensor(), components.dtype)
    mask = _mask("mask", mask, logits)
    if mask is not None:
        logits = tf.where(mask, logits, -1e9)  # finite, so that gradients stay so
    return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), components)


def _numbers(name, value):
    """A tensor of real numbers.

    Raises:
        TypeError: it holds none.
    """
    try:
        made = tf.convert_to_tensor(value)
    except Exception:  # of many types
        made = None
    if made is None or not made.dtype.is_floating:
        raise TypeError(f"{name} must hold real numbers, floats; got {checks.told(value)}.")
    return made


def _mask(name, value, like):
    """None, or booleans that broadcast with a tensor.

    Raises:
        TypeError, ValueError: it holds others, or has another shape.
    """
    if value is None:
        return None
    made = value if tf.is_tensor(value) else np.asarray(value) if isinstance(value, (np.ndarray, list, tuple)) else None
    if made is None or made.dtype != bool:
        raise TypeError(f"{name} must hold booleans; got {checks.told(value)}.")
    try:
        tf.broadcast_static_shape(tf.TensorShape(made.shape), like.shape)
    except ValueError:
        raise ValueError(f"{name} must broadcast with {list(like.shape)}; got {checks.told(value)}.") from None
    return made
