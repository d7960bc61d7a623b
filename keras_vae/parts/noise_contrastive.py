"""A prior by noise contrast (Aneja et al. 2021): a normal, weighted by what a critic says of it."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions.draws import stateless_normal
from keras_vae.distributions.reweighted import ReweightedNormal
from keras_vae.parts.critic import Critic
from keras_vae.parts.fitting import FittedByGradient
from keras_vae.parts.priors import LatentPrior

DRAWS, FEWEST = 100_000, 100  # of the normal, for the normalizer; that it must rest on


@keras.saving.register_keras_serializable("keras_vae")
class NoiseContrastivePrior(FittedByGradient, LatentPrior):
    """`p(z) = N(z; 0, I) r(z) / Z`, r being a critic's odds that z comes from the posteriors, and not from the normal
    (Aneja et al. 2021, equation 5). Its density is one pass of the critic; log Z is an average over 100,000 draws of
    the normal, so it is good where the two overlap, below some ten active latents; a warning says where it is not.

    `adapt` fits it to draws of the posteriors. It is a prior for a model that is trained already: until `adapt` it is
    the standard normal, and `fit` leaves its weights alone.

    Args:
        latent_size: number of latents.
        widths: of the critic's hidden layers.
        proposals: draws of the normal of which one is chosen for each draw of z.
    """

    def __init__(
        self, latent_size: int, widths: Sequence[int] = (256, 256, 256), proposals: int = 256, **kwargs: Any
    ) -> None:
        super().__init__(latent_size, **kwargs)
        self.widths, self.proposals = checks.sizes("widths", widths), checks.whole("proposals", proposals, most=100_000)
        self.critic = Critic(self.widths)

    def build(self, input_shape=None):
        self.critic.build((None, self.latent_size))
        self.fitted = self.add_weight(shape=(), initializer="zeros", trainable=False, name="fitted")
        self.log_normalizer = self.add_weight(shape=(), initializer="zeros", trainable=False, name="log_normalizer")

    def log_ratio(self, z: tf.Tensor) -> tf.Tensor:
        """log r of latents `[batch, latent]`, `[batch]`; its gradient reaches the latents alone."""
        return self.fitted * self.critic.score(z)

    def distribution(self, given: Any = None) -> ReweightedNormal:
        """TFP distribution over z, event shape `[latent]`."""
        return ReweightedNormal(self.log_ratio, self.log_normalizer.value, self.latent_size, self.proposals)

    def nats(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The critic's cross-entropy, `[batch]`: what is minimised in place of `-log p(z)`."""
        return self.critic.loss(z, stateless_normal(tf.shape(z), seed))

    def end(self, seed: int) -> None:
        self.fitted.assign(1.0)
        ratios = self.log_ratio(stateless_normal([DRAWS, self.latent_size], [seed, 1]))
        self.log_normalizer.assign(tf.reduce_logsumexp(ratios) - tf.math.log(float(DRAWS)))
        # Of so many equal weights the estimate would be as good.
        effective = float(tf.exp(2.0 * tf.reduce_logsumexp(ratios) - tf.reduce_logsumexp(2.0 * ratios)))
        if effective < FEWEST:
            warnings.warn(
                f"log Z of the NoiseContrastivePrior rests on {effective:.0f} of {DRAWS} draws: the latents are too "
                'far from the normal, and its densities come out too high. Take "flow" or "flow_matching".',
                stacklevel=3,
            )

    def get_config(self):
        return {**super().get_config(), "widths": self.widths, "proposals": self.proposals}
