"""Rungs of ladders: latents that depend on those above, in the prior and in the posterior."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers, ops

from keras_vae import checks
from keras_vae.distributions.draws import Normal
from keras_vae.networks import folded
from keras_vae.parts.part import Part

tfd = tfp.distributions

MERGES = ("precision", "residual", "free")
SMALLEST_SCALE = 1e-3  # of a rung: rates have its inverse square
ONE = 0.5413  # softplus(0.5413) = 1


@keras.saving.register_keras_serializable("keras_vae")
class Rung(Part):
    """One rung of a ladder below the top: `p(z|above)` and `q(z|above, x)`, diagonal normals. What is above comes as a
    state, `[..., batch, *places, width]`; what is known of x as features, `[batch, *places, width]`; latents are
    `[..., batch, *places, latent]`. At the start p is the standard normal.

    Args:
        latent_size: number of latents, in each place where there are several.
        merge: how q is made. "precision": of p and of a normal that the features give, weighted by their precisions
            (Sonderby et al. 2016, equations 17 to 19); "residual": relative to p, `N(m_p + dm, s_p ds)` (Vahdat & Kautz
            2020, section 3.2); "free": of features and state alone (Child 2021, section 3).
    """

    def __init__(self, latent_size: int, merge: str = "precision", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latent_size, self.merge = checks.whole("latent_size", latent_size), checks.choice("merge", merge, MERGES)

    def build(self, input_shape):
        features, state = input_shape
        if tuple(features[1:-1]) != tuple(state[1:-1]):
            raise ValueError(
                f"The encoder's features for a rung and the state from above must be of the same places; got "
                f"{list(features[1:])} and {list(state[1:])}."
            )
        zeros = {"kernel_initializer": "zeros"}  # p starts at the standard normal, a residual q at p
        self.prior_head = layers.Dense(2 * self.latent_size, dtype="float32", name="prior", **zeros)
        self.prior_head.build(state)
        seen = features if self.merge == "precision" else (*features[:-1], features[-1] + state[-1])
        self.posterior_head = layers.Dense(
            2 * self.latent_size, dtype="float32", name="posterior", **(zeros if self.merge == "residual" else {})
        )
        self.posterior_head.build(seen)
        self.event_ndims = len(state) - 1

    def prior(self, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`(loc, scale)` of p, of a state."""
        return _loc_scale(self.prior_head(ops.cast(state, "float32")))

    def posterior(self, features: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`(loc, scale)` of q, of features and a state."""
        loc, scale = self.prior(state)
        if self.merge == "precision":
            own_loc, own_scale = _loc_scale(self.posterior_head(ops.cast(features, "float32")))
            own, above = own_scale**-2, scale**-2
            return (own_loc * own + loc * above) / (own + above), (own + above) ** -0.5
        inputs = [ops.cast(part, "float32") for part in (features, state)]
        lead = [len(part.shape) - self.event_ndims for part in inputs]
        found, _ = folded(self._both, inputs, lead)
        own_loc, own_scale = _loc_scale(found)
        return (own_loc, own_scale) if self.merge == "free" else (loc + own_loc, scale * own_scale)

    def _both(self, inputs, training=None):
        return self.posterior_head(ops.concatenate(inputs, axis=-1))

    def family(self, loc: tf.Tensor, scale: tf.Tensor) -> Any:
        """TFP distribution over the rung's latents."""
        return tfd.Independent(Normal(loc, scale), self.event_ndims)

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size, "merge": self.merge}


def _loc_scale(raw):
    loc, raw_scale = ops.split(raw, 2, axis=-1)
    return loc, ops.softplus(raw_scale + ONE) + SMALLEST_SCALE
