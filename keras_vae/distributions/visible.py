"""Distributions of which a part is known."""

from typing import Any

import tensorflow_probability as tfp

tfd = tfp.distributions


def given_visible(p, visible, mask) -> Any:
    """p(x|z) with some dimensions known: draws and means hold `visible` there, log-densities cover the others only.

    Args:
        p: TFP distribution of a likelihood with independent dimensions.
        visible: known values, `[batch, *event]`.
        mask: boolean, true where they are known; broadcasts to `[batch, *event]`.

    Raises:
        TypeError: dimensions depend on each other: what is hidden, given what is visible, is another distribution.
    """
    if not hasattr(p, "reinterpreted_batch_ndims"):
        raise TypeError(f"Known dimensions need a likelihood of independent ones; got {type(p).__name__}.")
    hidden = tfd.Masked(p.distribution, ~mask, safe_sample_fn=lambda _: visible)
    return tfd.Independent(hidden, p.reinterpreted_batch_ndims)
