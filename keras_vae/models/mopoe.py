"""Mixture of products of experts: the generalized multimodal ELBO (Sutter et al. 2021)."""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions import product_of_experts
from keras_vae.models.mmvae import MMVAE
from keras_vae.networks import Networks
from keras_vae.parts import NormalPosterior


@keras.saving.register_keras_serializable("keras_vae")
class MoPoE(MMVAE):
    """Several modalities share latents; the posterior is the uniform mixture of the products of experts of every
    non-empty subset of the observed modalities (Sutter et al. 2021, definition 1), without the prior as an expert.

    Formula:
        `q(z|x) = 1/|P| sum_S q_S(z|x_S)`, `q_S(z|x_S) = prod_(m in S) q_m(z|x_m)`, normalised, over all non-empty S;
        objectives as in `MMVAE`

    When to use:
        For both: modalities are fused where several are given, and each alone must explain all of them. The number of
        components doubles with each modality: with many, bound `largest_subset`.

    Example:
        >>> import keras_vae
        >>> images, _ = keras_vae.data.digits("train")
        >>> x = {"upper": images[:, :4], "lower": images[:, 4:]}  # [1500, 4, 8, 1] each
        >>> model = keras_vae.MoPoE(latent_size=8)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> both = model.sample(16)  # {"lower": [16, 4, 8, 1], "upper": [16, 4, 8, 1]}

    Args:
        largest_subset: most modalities in a subset; None: all. With 1 this is `MMVAE` with normal posteriors.
        **kwargs: arguments of `MMVAE`; the posterior is normal.
    """

    def __init__(
        self,
        encoders: Networks = None,
        decoders: Networks = None,
        latent_size: int = 20,
        largest_subset: int | None = None,
        prior: Any = "standard_normal",
        posterior: Any = "normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(encoders, decoders, latent_size, prior=prior, posterior=posterior, **kwargs)
        self.largest_subset = checks.whole("largest_subset", largest_subset, none=True)

    def _set_parts(self, *networks):
        super()._set_parts(*networks)
        if not isinstance(self.posterior[self.modalities[0]], NormalPosterior):
            raise ValueError('A product of experts is computed of normals: leave posterior= at "normal".')

    def subsets(self, count) -> np.ndarray:
        sizes = range(1, min(self.largest_subset or count, count) + 1)
        members = [subset for size in sizes for subset in itertools.combinations(range(count), size)]
        return np.array([np.isin(np.arange(count), subset) for subset in members])

    def fuse(self, loc, scale, takes_part) -> tuple[tf.Tensor, tf.Tensor]:
        return product_of_experts(loc, scale, takes_part, prior=~tf.reduce_any(takes_part, axis=0))
