"""Kullback-Leibler divergence, in closed form where there is one."""

import tensorflow_probability as tfp

tfd = tfp.distributions


def kl_divergence(q, p, z):
    """KL(q || p) in nats.

    Args:
        q: posterior, a TFP distribution.
        p: prior, a TFP distribution.
        z: draws of `q`, `[..., latent]`: the Monte-Carlo estimate `log q(z) - log p(z)` is taken where TFP
            registers no closed form.

    Returns:
        The closed form, `[batch]`, or the estimate, `[..., batch]` as `z` has it.
    """
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:
        return q.log_prob(z) - p.log_prob(z)
