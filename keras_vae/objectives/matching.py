"""The aggregated posterior q(z), the mean of q(z|x) over the data, drawn to the prior: by kernels, or by a critic."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_vae import checks
from keras_vae.objectives.free_energy import OneDraw
from keras_vae.objectives.total_correlation import Adversarial
from keras_vae.parts.critic import Critic

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def prior_draws(model: Any, z: tf.Tensor, batch: Any) -> tf.Tensor:
    """Draws of p(z), `[draws, latent]`, as many as z has; one of each p(z|c) where there are conditions."""
    p = model.prior_of(batch)
    return p.sample(() if p.batch_shape.rank else tf.shape(z)[0], seed=model.next_seed())


def squared_discrepancy(first: tf.Tensor, second: tf.Tensor, scales: Sequence[float] = SCALES) -> tf.Tensor:
    """Unbiased estimate of the squared maximum mean discrepancy of two distributions (Gretton et al. 2012, equation 3),
    a number, below zero at times. Kernels are `sum_s C_s / (C_s + |a - b|^2)`, with `C_s = 2 latents s`.

    Args:
        first, second: as many draws of each, at least two, `[draws, latent]`.
        scales: the s.
    """
    draws, latents = tf.cast(tf.shape(first)[0], "float32"), float(first.shape[-1])

    def kernels(a, b):
        squares = tf.reduce_sum(a**2, axis=-1)[:, None] + tf.reduce_sum(b**2, axis=-1)
        squares = tf.nn.relu(squares - 2.0 * tf.matmul(a, b, transpose_b=True))
        return tf.add_n([1.0 / (1.0 + squares / (2.0 * latents * scale)) for scale in scales])

    def of_pairs(a):
        """The mean over pairs of two draws."""
        every = tf.linalg.set_diag(kernels(a, a), tf.zeros_like(a[:, 0]))
        return tf.reduce_sum(every) / tf.maximum(draws * (draws - 1.0), 1.0)

    return of_pairs(first) + of_pairs(second) - 2.0 * tf.reduce_mean(kernels(first, second))


@keras.saving.register_keras_serializable("keras_vae")
class MaximumMeanDiscrepancy(OneDraw):
    """`distortion + beta * rate + gamma * MMD(q(z), p(z))`: at beta = 0 the Wasserstein autoencoder (Tolstikhin et al.
    2018, algorithm 2), between 0 and 1 the InfoVAE (Zhao et al. 2019; beta is their 1 - alpha).

    The squared discrepancy, `maximum_mean_discrepancy`, is that of `squared_discrepancy` of a batch's draws and as many
    of the prior: batches of a hundred or more tell enough.

    Args:
        gamma: weight of the discrepancy; the default is Tolstikhin et al.'s for MNIST. A variable.
        beta: weight of the rate; 0 for a posterior that is a point. A variable.
        scales: of the kernels, for priors whose latents have about unit variances.
    """

    weights_named = ("beta", "gamma")
    term_names = ("maximum_mean_discrepancy",)
    densities = (True, False)

    def __init__(self, gamma: float = 10.0, beta: float = 0.0, scales: Sequence[float] = SCALES, **kwargs: Any) -> None:
        super().__init__(beta, **kwargs)
        self.weigh(gamma=gamma)
        self.scales = checks.reals("scales", scales, above=0.0)

    def added(self, model, q, z, batch) -> Any:
        discrepancy = squared_discrepancy(z, prior_draws(model, z, batch), self.scales)
        name = self.term_names[0]
        return {name: discrepancy}, {name: self.gamma * discrepancy}

    def get_config(self):
        return {**super().get_config(), "scales": self.scales}


@keras.saving.register_keras_serializable("keras_vae")
class AdversarialMatching(Adversarial):
    """The adversarial autoencoder (Makhzani et al. 2016), `distortion + beta * rate + gamma * -log D(z)`: D is a
    critic's probability that z comes from p(z), and not from q(z). The critic is trained in the same `fit` by its
    cross-entropy, `critic_loss`. Its log-odds of q(z) are measured as `marginal_kl`, an estimate of KL(q(z) || p(z)).

    Args:
        gamma: weight of what the critic says; the default is that of Tolstikhin et al. (2018) for MNIST. A variable.
        critic: a `keras_vae.parts.Critic`, or the widths of one's hidden layers.
        beta: weight of the rate; 0 for a posterior that is a point. A variable.
    """

    term_names = ("marginal_kl", "critic_loss")
    densities = (True, False)

    def __init__(
        self,
        gamma: float = 10.0,
        critic: Critic | Sequence[int] = (256, 256, 256),
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(gamma, critic, beta, **kwargs)

    @staticmethod
    def critic_optimizer() -> keras.optimizers.Optimizer:
        """The critic's own optimizer, with the settings of Tolstikhin et al. (2018)."""
        return keras.optimizers.Adam(5e-4, beta_1=0.5)

    def others(self, model, z, batch) -> tf.Tensor:
        return prior_draws(model, z, batch)

    def cost(self, score) -> tf.Tensor:
        return ops.softplus(score)  # whose gradient does not vanish where the critic is sure
