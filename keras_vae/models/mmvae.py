"""Mixture of experts: the multimodal variational autoencoder of Shi et al. (2019)."""

import keras
import numpy as np
import tensorflow as tf

from keras_vae.distributions import mixture_of_experts
from keras_vae.distributions.draws import stateless_uniform
from keras_vae.models.importance import log_mean_exp, scale_gradient_later
from keras_vae.models.multimodal import MultimodalVAE

OBJECTIVES = ("elbo", "iwae", "iwae_looser", "dreg", "dreg_looser")


@keras.saving.register_keras_serializable("keras_vae")
class MMVAE(MultimodalVAE):
    """Several modalities share latents; the posterior of those that are observed is the uniform mixture of one expert
    for each (Shi et al. 2019, section 3). Draws are stratified: each expert's reconstruct every modality. With
    `stratified=False` each example draws one expert at each step of training.

    `free_energy`, `distortion` and `rate` are those of the mixture, `importance_bound` is the strict one below, all
    without weights, whatever the objective: models with different ones compare.

    Formula:
        `q(z|x) = 1/M sum_m q_m(z|x_m)`; with `z_mk` the k-th draw of expert m and
        `log w_mk = log p(z_mk) + sum_d log p(x_d|z_mk) - log q(z_mk|x)`: "elbo" maximises the mean of `log w_mk`,
        "iwae" `log 1/(MK) sum_mk w_mk`, "iwae_looser" `1/M sum_m log 1/K sum_k w_mk`, the paper's

    When to use:
        For generating one modality from another: each expert alone must explain all of them, so none can stay silent.
        But experts are not fused: two modalities together tell no more than one drawn at random. See `MoPoE`, `MVAE`.

    Example:
        >>> import keras_vae
        >>> images, _ = keras_vae.data.digits("train")
        >>> x = {"upper": images[:, :4], "lower": images[:, 4:]}  # [1500, 4, 8, 1] each
        >>> model = keras_vae.MMVAE(latent_size=8, objective="iwae", importance_samples=4)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # importance_bound <= free_energy
        >>> lower = model.translate({"upper": x["upper"][:10]}, to="lower")  # [10, 4, 8, 1]

    Args:
        objective: "elbo", "iwae" (a bound at weights 1), "iwae_looser", or "dreg" and "dreg_looser", the same bounds
            with the published doubly reparameterized gradient: exact for one expert, biased for a mixture, since it
            leaves out the scores of the other experts as well (benchmarks/importance_gradients.py measures it).
        importance_samples: number K of draws of each expert.
        prior: "laplace" (learned scales) as in the paper, or another one of `LatentVariableModel`.
        posterior: "laplace" as in the paper, or "normal"; of one kind for all modalities.
        **kwargs: further arguments of `MultimodalVAE`. Private latents of a modality come from its own expert under
            each component, and are standard ones where it is unobserved. Weights and beta weigh within `w_mk`.
        stratified: True, or False to train on the draws of one expert an example, drawn uniformly: less decoding and
            more noise. The objective's expectation is the same, but "iwae" and "dreg" then bound by K draws, not MK.
    """

    term_names = (*MultimodalVAE.term_names, "importance_bound")

    def __init__(
        self,
        encoders=None,
        decoders=None,
        latent_size=20,
        objective="elbo",
        importance_samples=1,
        prior="laplace",
        posterior="laplace",
        stratified=True,
        **kwargs,
    ):
        if not isinstance(importance_samples, int) or importance_samples < 1:
            raise ValueError(f"importance_samples must be a positive integer; got {importance_samples!r}.")
        if objective not in OBJECTIVES:
            raise ValueError(f"Unknown objective {objective!r}. Choose from {list(OBJECTIVES)}.")
        if not isinstance(stratified, bool):
            raise ValueError(f"stratified must be True or False; got {stratified!r}.")
        super().__init__(encoders, decoders, latent_size, prior=prior, posterior=posterior, **kwargs)
        self.objective, self.importance_samples, self.stratified = objective, importance_samples, stratified
        if objective != "elbo":
            self.capacity = None  # the bound has no rate of its own to hold at one

    def _set_parts(self, encoders, decoders):
        super()._set_parts(encoders, decoders)
        kinds = sorted({type(part).__name__ for part in self.posterior.values()})
        if len(kinds) > 1:
            raise ValueError(f"The experts of a mixture must be of one kind, normal or Laplace; got {kinds}.")

    def subsets(self, count):
        """Which of `count` experts make up each component, boolean `[components, experts]`: here one each."""
        return np.eye(count, dtype=bool)

    def fuse(self, loc, scale, takes_part):
        chosen = tf.reduce_any(takes_part, axis=0)  # by one expert at most; a standard one where there is none
        loc, scale = (tf.reduce_sum(tf.where(takes_part, part, 0.0), axis=0) for part in (loc, scale))
        return loc, tf.where(chosen, scale, 1.0)

    def components(self, batch):
        """The mixture's components: `(loc, scale, available)`, `[components, batch, latent]` twice and boolean
        `[components, batch]`. One is available where all of its experts are observed; all are where nothing is."""
        subsets = self.subsets(len(batch.x))
        loc, scale = self.fused(batch, subsets, keep_private=True)
        observed = tf.stack(list(batch.observed.values()))
        available = tf.reduce_all(observed | ~subsets[:, :, None], axis=1)
        return loc, scale, available | ~tf.reduce_any(available, axis=0)

    def mixture(self, loc, scale, available):
        """q(z|x) of `components`: a TFP distribution."""
        swapped = (tf.transpose(part, [1, 0, 2]) for part in (loc, scale))
        return mixture_of_experts(self.distribution(*swapped), tf.transpose(available))

    def encode(self, inputs):
        return self.mixture(*self.components(self.prepare(inputs)))

    def terms(self, batch, training):
        loc, scale, available = mixed = self.components(batch)
        if training and not self.stratified:
            chosen = _drawn(available, self.next_seed())
            loc, scale = tf.gather_nd(loc, chosen)[None], tf.gather_nd(scale, chosen)[None]
            available = tf.ones_like(available[:1])
        z = self.distribution(loc, scale).sample(self.importance_samples, seed=self.next_seed())
        set_scale, doubly = None, self.objective.startswith("dreg")
        if doubly:
            z, set_scale = scale_gradient_later(z)
            mixed = tf.nest.map_structure(tf.stop_gradient, mixed)
        ratio = self.mixture(*mixed).log_prob(z) - self.prior_of(batch).log_prob(z)
        p = {name: self.decode_modality(name, z) for name in batch.x}
        distortions = {name: tf.where(batch.observed[name], -p[name].log_prob(x), 0.0) for name, x in batch.x.items()}

        def mean(values):
            return tf.reduce_mean(_mean_where(available, values), axis=0)

        terms = {f"distortion_{name}": tf.zeros_like(mean(ratio)) for name in self.modalities}
        terms |= {f"distortion_{name}": mean(distortion) for name, distortion in distortions.items()}
        distortion = tf.add_n(list(distortions.values()))
        terms |= {"distortion": mean(distortion), "rate": mean(ratio)}
        terms["importance_bound"] = -_strict(-distortion - ratio, available)
        output = {name: tf.gather_nd(part.mean()[0], _last(available)) for name, part in p.items()}
        weighted = {f"distortion_{name}": self.modality_weights[name] * part for name, part in distortions.items()}
        if self.objective == "elbo":
            return terms, {"rate": self.weighted(terms["rate"]), **tf.nest.map_structure(mean, weighted)}, output
        log_weights = -tf.add_n(list(weighted.values())) - self.beta * ratio
        if self.objective.endswith("looser"):
            bound = _mean_where(available, log_mean_exp(log_weights))
            normalised = tf.nn.softmax(log_weights, axis=0)
        else:
            bound = _strict(log_weights, available)
            log_weights = _where(available, log_weights)
            normalised = tf.exp(log_weights - tf.reduce_logsumexp(log_weights, axis=(0, 1)))
        if doubly:
            set_scale(1.0 - self.beta + self.beta * normalised)
        return terms, {"importance_bound": -bound}, output


def _where(available, log_weights):
    """Log-weights `[samples, components, batch]`, minus infinity where a component is not available."""
    return tf.where(available, log_weights, -float("inf"))


def _last(available):
    """Indices `[batch, 2]` of the last component available in each row, of `[components, batch]`."""
    return _greatest(tf.range(available.shape[0])[:, None], available)


def _drawn(available, seed):
    """As `_last`, of a component drawn uniformly from the available ones."""
    return _greatest(stateless_uniform(tf.shape(available), seed), available)


def _greatest(order, available):
    """Indices `[batch, 2]` of the component of greatest order, not negative, among the available ones."""
    component = tf.argmax(tf.where(available, order, -1), axis=0, output_type=tf.int32)
    return tf.stack([component, tf.range(tf.shape(component)[0])], axis=1)


def _mean_where(available, values):
    """Mean over the available components, `[..., components, batch]` to `[..., batch]`."""
    count = tf.reduce_sum(tf.cast(available, values.dtype), axis=0)
    return tf.reduce_sum(tf.where(available, values, 0.0), axis=-2) / count


def _strict(log_weights, available):
    """`log 1/(MK) sum_mk w_mk`, `[batch]`, over the M available components."""
    count = log_weights.shape[0] * tf.reduce_sum(tf.cast(available, log_weights.dtype), axis=0)
    return tf.reduce_logsumexp(_where(available, log_weights), axis=(0, 1)) - tf.math.log(count)
