"""The FactorVAE (Kim & Mnih 2018): a critic tells how far the latents are from independent."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_vae.models.vae import VAE
from keras_vae.networks import Network
from keras_vae.objectives import Adversarial, Objective


@keras.saving.register_keras_serializable("keras_vae")
class FactorVAE(VAE):
    """Minimises `distortion + beta * rate + gamma * total_correlation` (Kim & Mnih 2018, equation 2).

    The total correlation `KL(q(z) || prod_j q(z_j))` is a critic's log-odds that a draw comes from q(z), and not from
    draws whose latents were shuffled over the batch, each on its own (equation 3). The critic is trained in the same
    `fit`: `critic_loss` is its cross-entropy in nats, log 2 where it cannot tell them apart. The paper shuffles a
    second batch; here both are the same.

    Formula:
        `E_q(z|x)[-log p(x|z)] + beta KL(q(z|x) || p(z)) + gamma KL(q(z) || prod_j q(z_j))`

    When to use:
        For disentangled latents when batches are small: the critic remembers what one batch cannot show. It is one
        more network to train, and its own loss to watch; `BetaTCVAE` needs neither.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.FactorVAE(latent_size=8, gamma=10.0)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # critic_loss: log 2 where the latents look independent
        >>> moved = model.traverse(x[:5], latent=0)  # [7, 5, 8, 8, 1]

    Args:
        encoder, decoder, latent_size, likelihood, **kwargs: as `VAE` takes them.
        gamma: weight of the total correlation.
        critic_widths: of the critic's hidden layers, leaky ReLUs; the paper has `(1000,) * 6`.
        beta: weight of the rate.
        objective: None, or an object in place of all that the three before say.
    """

    shorthands = (*VAE.shorthands, "gamma", "critic_widths")

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        *,
        gamma: float = 10.0,
        critic_widths: Sequence[int] = (256, 256, 256),
        beta: float = 1.0,
        objective: Objective | None = None,
        **kwargs: Any,
    ) -> None:
        objective = Adversarial(gamma, critic_widths, beta) if objective is None else objective
        super().__init__(encoder, decoder, objective=objective, **kwargs)

    @property
    def critic(self) -> keras.Model | None:
        """The critic's network, under the name that archives have."""
        return self.objective.critic.network if self.objective.built else None
