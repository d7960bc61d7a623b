"""Priors that are the standard normal, weighted by what a critic says of each point."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions.draws import stateless_normal
from keras_vae.distributions.reweighted import ResampledNormal, ReweightedNormal, truncated
from keras_vae.parts.critic import Critic
from keras_vae.parts.fitting import FittedByGradient
from keras_vae.parts.priors import LatentPrior

DRAWS, FEWEST = 100_000, 100  # of the normal, for the normalizer; that it must rest on
TRAINING_DRAWS = 2_000  # for the normalizer of one step


class _Reweighted(FittedByGradient, LatentPrior):
    """What they share: the critic, the normalizer, and that they are the standard normal until `adapt`."""

    def __init__(self, latent_size: int, widths: Sequence[int] = (256, 256, 256), **kwargs: Any) -> None:
        super().__init__(latent_size, **kwargs)
        self.widths = checks.sizes("widths", widths)
        self.critic = Critic(self.widths)

    def build(self, input_shape=None):
        self.critic.build((None, self.latent_size))
        self.critic.trainable = False  # by `fit`
        self.fitted = self.add_weight(shape=(), initializer="zeros", trainable=False, name="fitted")
        self.log_normalizer = self.add_weight(shape=(), initializer="zeros", trainable=False, name="log_normalizer")

    def log_weight(self, z: tf.Tensor) -> tf.Tensor:
        """Log of the weight of latents `[batch, latent]`, `[batch]`; 0 until `adapt`."""
        raise NotImplementedError

    def learner(self) -> keras.layers.Layer:
        return self.critic

    def end(self, seed: int) -> tf.Tensor:
        """Sets the normalizer, and returns the logs of the weights that it rests on."""
        self.fitted.assign(1.0)
        weights = self.log_weight(stateless_normal([DRAWS, self.latent_size], [seed, 1]))
        self.log_normalizer.assign(log_mean(weights))
        return weights

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


@keras.saving.register_keras_serializable("keras_vae")
class NoiseContrastivePrior(_Reweighted):
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
        super().__init__(latent_size, widths, **kwargs)
        self.proposals = checks.whole("proposals", proposals, most=100_000)

    def log_weight(self, z) -> tf.Tensor:
        return self.fitted * self.critic.score(z)

    def distribution(self, given: Any = None) -> ReweightedNormal:
        """TFP distribution over z, event shape `[latent]`."""
        return ReweightedNormal(self.log_weight, self.log_normalizer.value, self.latent_size, self.proposals)

    def nats(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The critic's cross-entropy, `[batch]`: what is minimised in place of `-log p(z)`."""
        return self.critic.loss(z, stateless_normal(tf.shape(z), seed))

    def end(self, seed) -> tf.Tensor:
        weights = super().end(seed)
        # Of so many equal weights the estimate would be as good.
        effective = float(tf.exp(2.0 * tf.reduce_logsumexp(weights) - tf.reduce_logsumexp(2.0 * weights)))
        if effective < FEWEST:
            warnings.warn(
                f"log Z of the NoiseContrastivePrior rests on {effective:.0f} of {DRAWS} draws: the latents are too "
                'far from the normal, and its densities come out too high. Take "flow" or "flow_matching".',
                stacklevel=3,
            )
        return weights

    def get_config(self):
        return {**super().get_config(), "proposals": self.proposals}


@keras.saving.register_keras_serializable("keras_vae")
class ResampledPrior(_Reweighted):
    """Draws of the standard normal, each accepted with a probability a(z) that a critic says; of so many tries the last
    is taken as it comes (LARS, Bauer & Mnih 2019, equation 4):
    `p(z) = N(z; 0, I) ((1 - alpha) a(z) / Z + alpha)`, `alpha = (1 - Z)^(tries - 1)`, Z the mean of a over the normal.

    Its draws are exact, and it is nowhere far below the normal's density. As with the `NoiseContrastivePrior`, Z rests
    on 100,000 draws of the normal, `adapt` fits it to draws of the posteriors, it is the standard normal until then,
    and `fit` leaves its weights alone. The paper trains it with the model, by a running mean for Z.

    Args:
        latent_size: number of latents.
        widths: of the critic's hidden layers.
        tries: draws of the normal for each draw of z, at most.
    """

    def __init__(
        self, latent_size: int, widths: Sequence[int] = (256, 256, 256), tries: int = 100, **kwargs: Any
    ) -> None:
        super().__init__(latent_size, widths, **kwargs)
        self.tries = checks.whole("tries", tries, 2, 100_000)

    def log_weight(self, z) -> tf.Tensor:
        return self.fitted * tf.math.log_sigmoid(self.critic.score(z))

    def distribution(self, given: Any = None) -> ResampledNormal:
        """TFP distribution over z, event shape `[latent]`."""
        return ResampledNormal(self.log_weight, self.log_normalizer.value, self.latent_size, self.tries)

    def nats(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """`-log p(z)` but for the normal's part, which is fixed, `[batch]`; Z by draws of the normal."""
        normal = stateless_normal([TRAINING_DRAWS, self.latent_size], seed)
        log_mean_acceptance = log_mean(tf.math.log_sigmoid(self.critic(normal)))
        return -truncated(tf.math.log_sigmoid(self.critic(z)), log_mean_acceptance, self.tries)

    def get_config(self):
        return {**super().get_config(), "tries": self.tries}


def log_mean(logs: tf.Tensor) -> tf.Tensor:
    """Log of the mean of what `[n]` are logs of."""
    return tf.reduce_logsumexp(logs) - tf.math.log(tf.cast(tf.size(logs), tf.float32))
