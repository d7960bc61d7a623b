"""The objective of the multi-view total correlation autoencoder (Hwang et al. 2021)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.objectives.free_energy import FreeEnergy

tfd = tfp.distributions


@keras.saving.register_keras_serializable("keras_vae")
class MultiViewTotalCorrelation(FreeEnergy):
    """The objective of the MVTCAE (Hwang et al. 2021) for products of experts of M modalities:
    `(1 - alpha / M) distortion + beta ((1 - alpha) rate + alpha / M sum_m KL(q(z|x) || q(z|x_m)))`, nats per example.

    Draws are made of the posterior of all modalities alone. The last term, measured as `expert_gap`, its mean over the
    modalities, draws each one's own posterior to it: that is what makes one modality tell of the others. M counts the
    modalities that are observed. Private latents are nothing that another modality is to tell.

    Args:
        alpha: in [0, 1]. At 0 the free energy, under which no modality need tell anything of another. A variable.
        beta: weight of the rate and of the gaps. A variable.
        samples: as in `FreeEnergy`.
    """

    weights_named = ("beta", "alpha")
    term_names = ("expert_gap",)
    needs = ("inference_of_subsets",)

    def __init__(self, alpha: float = 0.9, beta: float = 1.0, samples: int = 1, **kwargs: Any) -> None:
        super().__init__(beta, samples, **kwargs)
        self.weigh(alpha=checks.number("alpha", alpha, 0.0, 1.0))

    def asks_for_rate(self) -> bool:
        return super().asks_for_rate() and float(self.alpha.numpy()) < 1.0

    def inference_of(self, model, batch) -> Any:
        return model.inference_of_subsets(batch, tf.ones([1, len(batch.x)], tf.bool))

    def terms(self, model, batch) -> Any:
        terms, losses, output = super().terms(model, batch)
        observed = tf.cast(tf.stack(list(batch.observed.values())), "float32")
        present = tf.maximum(tf.reduce_sum(observed, axis=0), 1.0)
        gap = tf.reduce_sum(observed * self.gaps(model, batch), axis=0) / present
        losses = {name: value * (1.0 - self.alpha / present) for name, value in losses.items()}
        shared = terms.get("rate_shared", terms["rate"])  # what stands below is a modality's own
        losses["rate"] = self.beta * (terms["rate"] - self.alpha * shared)
        return {**terms, "expert_gap": gap}, {**losses, "expert_gap": self.alpha * self.beta * gap}, output

    def gaps(self, model: Any, batch: Any) -> tf.Tensor:
        """`KL(q(z|x) || q(z|x_m))` of each modality that is there, nats, `[modalities, batch]`."""
        count = len(batch.x)
        subsets = np.concatenate([np.ones((1, count), bool), np.eye(count, dtype=bool)])
        loc, scale = model.fused(batch, subsets, keep_private=True)
        return tfd.kl_divergence(model.family(loc[0], scale[0]), model.family(loc[1:], scale[1:]))
