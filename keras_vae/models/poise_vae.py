"""Latents of each modality, coupled by their prior: POISE-VAE (products of independent exponential families)."""

from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions import GibbsMixture, coupled_kl_divergence
from keras_vae.models.mvae import MVAE
from keras_vae.models.training import UpToDate
from keras_vae.networks import Networks
from keras_vae.objectives import FreeEnergy
from keras_vae.parts import CoupledExponentialPrior

EVALUATION_CHAINS = 16  # of each example, for log Z_q in `evaluate`
PROPOSAL_CHAINS = 32  # of each example, for the proposal of `log_likelihood`


@keras.saving.register_keras_serializable("keras_vae")
class POISEVAE(MVAE):
    """Each modality has latents of its own, and a learned exponential family couples them in the prior. The posterior
    is that prior times an exponential family of each observed modality; a missing one drops its own. Both are sampled
    by block Gibbs, in which each modality's latents are independent normals given the others'.

    The objective is that of `MVAE`, over all modalities and each one alone. The gradient of the rate is exact but for
    noise, the length of the chains, and how many sweeps it passes through. Its value needs two normalisers: `log Z_p`
    is estimated at each epoch and evaluation by annealed importance sampling from both ends, and followed in between;
    `log Z_q` by importance sampling from the chains, few in training and 16 in `evaluate`, which overstates the rate a
    little. `log_likelihood` needs the first alone: it is a bound but for that one's error, which `update_log_partition`
    of the prior shows, and which is to be called after weights are set by hand.

    Formula:
        `p(z) ∝ exp(-|z|^2 / 2 + sum_(m<n) T(z_m)' G_mn T(z_n))`, `T(z) = [z, z^2]`;
        `q(z|x_S) ∝ p(z) exp(sum_(m in S) nu_m(x_m)' T(z_m))`, where `exp(nu_m' T)` is a normal expert

    When to use:
        When modalities have much of their own and share something: no latent has to serve two of them, and what the
        prior couples is all that they share. `MVAE` is cheaper and has no chains that may fail to mix.

    Example:
        >>> import keras_vae
        >>> images, _ = keras_vae.data.digits("train")
        >>> x = {"upper": images[:, :4], "lower": images[:, 4:]}  # [1500, 4, 8, 1] each
        >>> model = keras_vae.POISEVAE(latent_size=8)  # four for each
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> lower = model.translate({"upper": x["upper"][:10]}, to="lower")  # [10, 4, 8, 1]

    Args:
        latent_size: number of latents of all modalities together, private ones included.
        private_latents: `{modality: count}` of latents that nothing is coupled to. Coupled ones come first, as many for
            each modality; for other numbers of them give `prior=CoupledExponentialPrior(latent_sizes=(8, 12))`.
        sweeps: Gibbs sweeps of a posterior draw.
        gradient_sweeps: the last ones of them, through which the gradient passes.
        chains: of each example in training.
        prior_sweeps: by which the prior's persistent chains move on at each step of training.
        gradient: of the rate: "pathwise", through the draws, or "covariance", `Cov_q(T(z), nu' T(z))`, whose noise is
            larger.
        reconstruct_absent: as in `MVAE`; here the prior tells one modality of another, and asking the posteriors for it
            as well biases what is learned.
        **kwargs: arguments of `MVAE`; the posterior is normal.
    """

    prior_kind, priors = CoupledExponentialPrior, MappingProxyType({"coupled": CoupledExponentialPrior})
    factors, objectives = (CoupledExponentialPrior,), (FreeEnergy,)

    def __init__(
        self,
        encoders: Networks = None,
        decoders: Networks = None,
        latent_size: int = 20,
        sweeps: int = 15,
        gradient_sweeps: int = 5,
        chains: int = 2,
        prior_sweeps: int = 2,
        gradient: str = "pathwise",
        prior: Any = "coupled",
        reconstruct_absent: bool = False,
        **kwargs: Any,
    ) -> None:
        absent = {"reconstruct_absent": reconstruct_absent}
        super().__init__(encoders, decoders, latent_size, prior=prior, **absent, **kwargs)
        self.gradient = checks.choice("gradient", gradient, ("pathwise", "covariance"))
        self.gradient_sweeps = checks.whole("gradient_sweeps", gradient_sweeps)
        self.sweeps = checks.whole("sweeps", sweeps, self.gradient_sweeps)
        self.chains = checks.whole("chains", chains, 2 if gradient == "covariance" else 1)
        self.prior_sweeps = checks.whole("prior_sweeps", prior_sweeps)
        if self.rung_sizes:
            raise ValueError("POISEVAE has latents of each modality already: leave rung_sizes= out.")
        if self.objective.samples > 1:
            raise ValueError("POISEVAE takes the draws of its chains: leave the objective's samples at 1.")

    def _latents_seen(self):
        self.prior.share_out(self.latent_size, self.modalities, self.private_latents)
        return self.prior.owner == np.arange(len(self.modalities))[:, None], self.prior.private

    def fuse(self, loc, scale, takes_part) -> tuple[tf.Tensor, tf.Tensor]:
        precision = tf.where(takes_part, scale**-2.0, 0.0)
        return tf.reduce_sum(precision * loc, axis=0), -0.5 * tf.reduce_sum(precision, axis=0)

    def family(self, linear: tf.Tensor, quadratic: tf.Tensor) -> Any:
        """Posterior of natural parameters, `[..., latent]` each: a `CoupledExponential`, sampled by Gibbs."""
        return self.prior.posterior(linear, quadratic, sweeps=self.sweeps, gradient_sweeps=self.gradient_sweeps)

    def draw(self, inference, batch, samples=1) -> tuple[tf.Tensor, tf.Tensor]:
        q = inference.q
        before, after = q.chains(self.chains if batch.training else EVALUATION_CHAINS, self.next_seed())
        states = tf.convert_to_tensor(self.prior.states)
        if batch.training and self.prior.trainable:
            states = self.prior.advance(self.prior_sweeps, self.next_seed())
        return after[0], coupled_kl_divergence(q, self.prior_of(), before, after, states, self.gradient)

    def proposal(self, batch) -> Any:
        q = self.posterior_of(batch)
        return GibbsMixture(q, q.chains(PROPOSAL_CHAINS, tf.constant([0, 0]), same_noise=True)[1])

    def own_callbacks(self) -> list:
        return [*super().own_callbacks(), UpToDate()]
