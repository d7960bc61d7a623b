"""Product of experts: the multimodal variational autoencoder (Wu & Goodman 2018)."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import (
    NormalMixturePrior,
    NormalPosterior,
    StandardNormalPrior,
    kl_divergence,
    product_of_experts,
)
from keras_vae.models.multimodal import MultimodalVAE


@keras.saving.register_keras_serializable("keras_vae")
class MVAE(MultimodalVAE):
    """Several modalities share latents; the posterior of those that are observed is the product of one expert for each
    and the prior (Wu & Goodman 2018).

    The objective is the sum of `weighted distortion + beta * rate` over S = all modalities, each one alone, and
    `random_subsets` drawn at each step (the sub-sampled training paradigm, section 2.3). Under the prior
    "normal_mixture" the factor `N(0, I)` stays, as an expert that always takes part.

    Formula:
        `sum_S E_q(z|x_S)[-sum_m w_m log p(x_m|z)] + beta KL(q(z|x_S) || p(z))`, m in S, with
        `q(z|x_S) = N(0, I) prod_m q_m(z|x_m)`, normalised

    When to use:
        When some modalities may be missing and what is there is to be fused: each further modality sharpens the
        posterior. An expert that is surer than it should be drowns the others: weigh the modalities, or warm them up
        one after another (`keras_vae.callbacks.WarmUp`).

    Example:
        >>> import keras_vae
        >>> images, _ = keras_vae.data.digits("train")
        >>> x = {"upper": images[:, :4], "lower": images[:, 4:]}  # [1500, 4, 8, 1] each
        >>> model = keras_vae.MVAE(latent_size=8)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> lower = model.translate({"upper": x["upper"][:10]}, to="lower")  # [10, 4, 8, 1]
        >>> z = model.embed({"lower": x["lower"]})  # with "upper" missing

    Args:
        random_subsets: number of random subsets at each step of training; of use with three modalities or more.
        reconstruct_absent: whether z of a subset also reconstructs the modalities outside it, each with its own
            private latents; the paper's objective does not.
        **kwargs: arguments of `MultimodalVAE`.
    """

    # What the product can be taken with.
    priors = (StandardNormalPrior, NormalMixturePrior)

    def __init__(
        self,
        encoders=None,
        decoders=None,
        latent_size=20,
        random_subsets=0,
        reconstruct_absent=False,
        **kwargs,
    ):
        super().__init__(encoders, decoders, latent_size, **kwargs)
        self.random_subsets = random_subsets
        self.reconstruct_absent = reconstruct_absent

    def _set_parts(self, encoders, decoders):
        super()._set_parts(encoders, decoders)
        normal = all(isinstance(part, NormalPosterior) for part in self.posterior.values())
        if not normal or not isinstance(self.prior, self.priors):
            parts = [type(part).__name__ for part in (self.prior, *self.posterior.values())]
            raise ValueError(
                'A product of experts is computed of normals: posterior="normal", and a prior of '
                f"{[kind.__name__ for kind in self.priors]}; got {parts}."
            )

    def encode(self, inputs):
        batch = self.prepare(inputs)
        loc, scale = self.fused(batch, np.ones((1, len(batch.x)), bool), self.reconstruct_absent)
        return self.distribution(loc[0], scale[0])

    def fuse(self, loc, scale, takes_part):
        return product_of_experts(loc, scale, takes_part)

    def _subsets(self, count, training):
        """Boolean `[subsets, experts]`: all, each alone, and in training random ones."""
        fixed = np.concatenate([np.ones((1, count), bool), np.eye(count, dtype=bool)]) if count > 1 else [[True]]
        if not (training and self.random_subsets):
            return tf.constant(fixed)
        drawn = tfp.random.rademacher((self.random_subsets, count), seed=self.next_seed()) > 0
        return tf.concat([fixed, drawn], axis=0)

    def draw(self, q, training):
        """A draw `[subsets, batch, latent]` of the posteriors q of subsets, and the rate, nats, `[subsets, batch]`."""
        z = q.sample(seed=self.next_seed())
        return z, kl_divergence(q, self.prior_of(), z)

    def terms(self, batch, training):
        subsets = self._subsets(len(batch.x), training)
        q = self.distribution(*self.fused(batch, subsets, self.reconstruct_absent))
        z, rate = self.draw(q, training)
        given = tf.reduce_any(subsets[:, :, None] & tf.stack(list(batch.observed.values())), axis=1)
        terms = {"rate": rate[0], **{f"distortion_{name}": tf.zeros_like(rate[0]) for name in self.modalities}}
        objective, output = {"rate": self.weighted(_sum_where(given, rate))}, {}
        for index, name in enumerate(batch.x):
            wanted = given if self.reconstruct_absent else given & subsets[:, index, None]
            # Another modality's own subset needs no decoding, unless it is to reconstruct this one.
            others = [] if self.reconstruct_absent else [1 + other for other in range(len(batch.x)) if other != index]
            rows = [row for row in range(subsets.shape[0]) if row not in others]
            p = self.decode_modality(name, tf.gather(z, rows))
            distortion = tf.where(batch.observed[name], -p.log_prob(batch.x[name]), 0.0)
            objective[f"distortion_{name}"] = self.modality_weights[name] * _sum_where(
                tf.gather(wanted, rows), distortion
            )
            terms[f"distortion_{name}"] = distortion[0]
            output[name] = p.mean()[0]
        terms["distortion"] = tf.add_n([terms[f"distortion_{name}"] for name in self.modalities])
        return terms, objective, output


def _sum_where(condition, values):
    """Sum over subsets, `[subsets, batch]` to `[batch]`, of the values wanted."""
    return tf.reduce_sum(tf.where(condition, values, 0.0), axis=0)
