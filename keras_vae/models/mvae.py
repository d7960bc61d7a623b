"""Product of experts: the multimodal variational autoencoder (Wu & Goodman 2018)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import tree

from keras_vae import checks
from keras_vae.distributions import product_of_experts, shown
from keras_vae.models.multimodal import MultimodalVAE
from keras_vae.networks import Networks
from keras_vae.objectives import Inference
from keras_vae.parts import NormalMixturePrior, NormalPosterior, StandardNormalPrior


@keras.saving.register_keras_serializable("keras_vae")
class MVAE(MultimodalVAE):
    """Several modalities share latents; the posterior of those that are observed is the product of one expert for each
    and the prior (Wu & Goodman 2018).

    The objective is the sum of `weighted distortion + beta * rate` over S = all modalities, each one alone, and
    `random_subsets` drawn at each step (the sub-sampled training paradigm, section 2.3). Each subset is to explain all
    that was observed. In the paper it explains itself alone, and nothing asks one modality to tell of another:
    `reconstruct_absent=False`. Under the prior "normal_mixture" the factor `N(0, I)` stays, as an expert that always
    takes part.

    Formula:
        `sum_S E_q(z|x_S)[-sum_m w_m log p(x_m|z)] + beta KL(q(z|x_S) || p(z))`, m observed, with
        `q(z|x_S) = N(0, I) prod_(m in S) q_m(z|x_m)`, normalised

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
            private latents; the paper's objective does not: less decoding, and translations that miss more.
        **kwargs: arguments of `MultimodalVAE`.
    """

    # What the product can be taken with.
    factors: tuple[type, ...] = (StandardNormalPrior, NormalMixturePrior)

    def __init__(
        self,
        encoders: Networks = None,
        decoders: Networks = None,
        latent_size: int = 20,
        random_subsets: int = 0,
        reconstruct_absent: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoders, decoders, latent_size, **kwargs)
        self.random_subsets = checks.whole("random_subsets", random_subsets, 0)
        self.reconstruct_absent = checks.flag("reconstruct_absent", reconstruct_absent)

    def _set_parts(self, *networks):
        super()._set_parts(*networks)
        others = [part for part in self.posterior.values() if not isinstance(part, NormalPosterior)]
        if others or not isinstance(self.prior, self.factors):
            got, wanted = ([type(part).__name__ for part in (self.prior, *others)], [k.__name__ for k in self.factors])
            raise ValueError(f"A product of experts is computed of normals, and a prior of {wanted}; got {got}.")

    def posterior_of(self, batch) -> Any:
        loc, scale = self.fused(batch, np.ones((1, len(batch.x)), bool), self.reconstruct_absent)
        return self.with_rungs(self.family(loc[0], scale[0]), batch)

    def fuse(self, loc, scale, takes_part) -> tuple[tf.Tensor, tf.Tensor]:
        return product_of_experts(loc, scale, takes_part)

    def subsets(self, count: int, training: bool) -> tf.Tensor:
        """Boolean `[subsets, experts]`: all, each alone, and in training random ones."""
        fixed = np.concatenate([np.ones((1, count), bool), np.eye(count, dtype=bool)]) if count > 1 else [[True]]
        if not (training and self.random_subsets):
            return tf.constant(fixed)
        drawn = tfp.random.rademacher((self.random_subsets, count), seed=self.next_seed()) > 0
        return tf.concat([fixed, drawn], axis=0)

    def inference_of(self, batch) -> Any:
        return self.inference_of_subsets(batch, self.subsets(len(batch.x), batch.training))

    def inference_of_subsets(self, batch: Any, subsets: tf.Tensor) -> Inference:
        """The posterior of each of boolean `[subsets, experts]`, of which the first, of all modalities, is measured."""
        shared = self.family(*self.fused(batch, subsets, self.reconstruct_absent))
        all_inferred = self.reconstruct_absent and self.infer_absent
        q = self.with_rungs(shared, batch, None if all_inferred else tf.convert_to_tensor(subsets)[:, None])
        given = tf.reduce_any(subsets[:, :, None] & tf.stack(list(batch.observed.values())), axis=1)
        return Inference(q, None, tf.cast(given, "float32"), tf.one_hot(0, subsets.shape[0])[:, None], subsets=subsets)

    def explain(self, z, batch, inference) -> Any:
        """Each subset explains its own modalities, or all of them."""
        subsets, distortions, output = inference.subsets, {}, {}
        for index, name in enumerate(batch.x):
            # Another modality's own subset needs no decoding, unless it is to reconstruct this one.
            others = [] if self.reconstruct_absent else [1 + other for other in range(len(batch.x)) if other != index]
            rows = [row for row in range(subsets.shape[0]) if row not in others]
            p = self.decode_modality(name, self.views(z, rows, subsets.shape[0]), batch)
            wanted = batch.observed[name] & (self.reconstruct_absent | tf.gather(subsets, rows)[:, index, None])
            distortions[name] = inference.spread(tf.where(wanted, -p.log_prob(batch.x[name]), 0.0), rows)
            output[name] = shown(p)
        nothing = tf.zeros_like(distortions[name])
        return {name: distortions.get(name, nothing) for name in self.modalities}, output

    def views(self, z: Any, rows: list[int], count: int) -> Any:
        """Latents of some of `count` views, `[..., rows, batch, *event]`."""
        if rows == list(range(count)):
            return z
        shapes = self.latent_shape()
        return tree.map_structure_up_to(z, lambda part, shape: tf.gather(part, rows, axis=-2 - len(shape)), z, shapes)
