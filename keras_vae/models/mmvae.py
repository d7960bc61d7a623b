"""Mixture of experts: the multimodal variational autoencoder of Shi et al. (2019)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions import mixture_of_experts
from keras_vae.distributions.draws import stateless_uniform
from keras_vae.models.multimodal import MultimodalVAE
from keras_vae.networks import Networks
from keras_vae.objectives import Inference


@keras.saving.register_keras_serializable("keras_vae")
class MMVAE(MultimodalVAE):
    """Several modalities share latents; the posterior of those that are observed is the uniform mixture of one expert
    for each (Shi et al. 2019, section 3). Draws are stratified: each expert's reconstruct every modality. With
    `stratified=False` each example draws one expert at each step of training.

    `free_energy`, `distortion` and `rate` are those of the mixture, without weights, whatever the objective: models
    with different ones compare.

    Formula:
        `q(z|x) = 1/M sum_m q_m(z|x_m)`; with `z_mk` the k-th draw of expert m and
        `log w_mk = log p(z_mk) + sum_d log p(x_d|z_mk) - log q(z_mk|x)`: the free energy is the mean of `-log w_mk`;
        `ImportanceWeighted` takes `-log 1/(MK) sum_mk w_mk`, its looser bound, the paper's,
        `-1/M sum_m log 1/K sum_k w_mk`

    When to use:
        For generating one modality from another: each expert alone must explain all of them, so none can stay silent.
        But experts are not fused: two modalities together tell no more than one drawn at random. See `MoPoE`, `MVAE`.

    Example:
        >>> import keras_vae
        >>> images, _ = keras_vae.data.digits("train")
        >>> x = {"upper": images[:, :4], "lower": images[:, 4:]}  # [1500, 4, 8, 1] each
        >>> objective = keras_vae.objectives.ImportanceWeighted(4)
        >>> model = keras_vae.MMVAE(latent_size=8, objective=objective)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # importance_bound <= free_energy
        >>> lower = model.translate({"upper": x["upper"][:10]}, to="lower")  # [10, 4, 8, 1]

    Args:
        objective: as every model takes it; `ImportanceWeighted(K, estimator, bound)` draws K times of each expert.
        prior: "laplace" (learned scales) as in the paper, or another one of `LatentVariableModel`.
        posterior: "laplace" as in the paper, or "normal"; of one kind for all modalities.
        **kwargs: further arguments of `MultimodalVAE`. Private latents of a modality come from its own expert under
            each component, and are standard ones where it is unobserved. Weights and beta weigh within `w_mk`.
        stratified: True, or False to train on the draws of one expert an example, drawn uniformly: less decoding and
            more noise. The objective's expectation is the same, but an importance-weighted one then bounds by K draws,
            not MK.
    """

    def __init__(
        self,
        encoders: Networks = None,
        decoders: Networks = None,
        latent_size: int = 20,
        prior: Any = "laplace",
        posterior: Any = "laplace",
        stratified: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoders, decoders, latent_size, prior=prior, posterior=posterior, **kwargs)
        self.stratified = checks.flag("stratified", stratified)

    def _set_parts(self, *networks):
        super()._set_parts(*networks)
        kinds = sorted({type(part).__name__ for part in self.posterior.values()})
        if len(kinds) > 1:
            raise ValueError(f"The experts of a mixture must be of one kind, normal or Laplace; got {kinds}.")

    def subsets(self, count: int) -> np.ndarray:
        """Which of `count` experts make up each component, boolean `[components, experts]`: here one each."""
        return np.eye(count, dtype=bool)

    def fuse(self, loc, scale, takes_part) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = tf.reduce_any(takes_part, axis=0)  # by one expert at most; a standard one where there is none
        loc, scale = (tf.reduce_sum(tf.where(takes_part, part, 0.0), axis=0) for part in (loc, scale))
        return loc, tf.where(chosen, scale, 1.0)

    def components(self, batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The mixture's components: `(loc, scale, available)`, `[components, batch, latent]` twice and boolean
        `[components, batch]`. One is available where all of its experts are observed; all are where nothing is."""
        subsets = self.subsets(len(batch.x))
        loc, scale = self.fused(batch, subsets, keep_private=True)
        observed = tf.stack(list(batch.observed.values()))
        available = tf.reduce_all(observed | ~subsets[:, :, None], axis=1)
        return loc, scale, available | ~tf.reduce_any(available, axis=0)

    def mixture(self, loc: tf.Tensor, scale: tf.Tensor, available: tf.Tensor) -> Any:
        """q(z|x) of `components`: a TFP distribution."""
        swapped = (tf.transpose(part, [1, 0, 2]) for part in (loc, scale))
        return mixture_of_experts(self.family(*swapped), tf.transpose(available))

    def posterior_of(self, batch) -> Any:
        return self.with_rungs(self.mixture(*self.components(batch)), batch)

    def inference_of(self, batch) -> Any:
        """Draws of the mixture's components, scored by the mixture."""
        loc, scale, available = self.components(batch)
        mixture, subsets = self.mixture(loc, scale, available), tf.constant(self.subsets(len(batch.x)))[:, None]
        if batch.training and not self.stratified:
            order = stateless_uniform(tf.shape(available), self.next_seed())
            chosen = tf.argmax(tf.where(available, order, -1.0), axis=0, output_type=tf.int32)
            chosen = tf.stack([chosen, tf.range(tf.shape(chosen)[0])], axis=1)
            loc, scale = tf.gather_nd(loc, chosen)[None], tf.gather_nd(scale, chosen)[None]
            available, subsets = tf.ones_like(available[:1]), tf.gather(subsets[:, 0], chosen[:, 0])[None]
        share = tf.cast(available, "float32") / tf.reduce_sum(tf.cast(available, "float32"), axis=0)
        last = tf.argmax(tf.where(available, tf.range(available.shape[0])[:, None], -1), axis=0, output_type=tf.int32)
        inferred = None if self.infer_absent else subsets
        q, density = (self.with_rungs(part, batch, inferred) for part in (self.family(loc, scale), mixture))
        return Inference(q, density, share, share, last)
