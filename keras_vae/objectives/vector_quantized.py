"""The objective of vector-quantized models (van den Oord et al. 2017)."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_vae.distributions import shown
from keras_vae.objectives.objective import Objective


@keras.saving.register_keras_serializable("keras_vae")
class VectorQuantized(Objective):
    """`distortion + rate + |sg[z] - e|^2 + commitment * |z - sg[e]|^2` (equation 3): z are the encoder's vectors, e the
    nearest of the codebook, sg stops the gradient, and the distortion's passes from e to z as it is. The last two terms
    are those of a codebook that is learned.

    Args:
        commitment: weight of the commitment. A variable.
    """

    weights_named = ("commitment",)
    needs = ("quantized",)
    term_names = ("quantization_error",)

    def __init__(self, commitment: float = 0.25, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weigh(commitment=commitment)

    def terms(self, model, batch) -> Any:
        features, codes, vectors = model.quantized(batch)
        p = model.decode_vectors(features + ops.stop_gradient(vectors - features), batch)
        free_energy = {"distortion": -p.log_prob(batch.x), "rate": -model.prior_of(batch).log_prob(codes)}
        commitment = _squared_distance(features, ops.stop_gradient(vectors))
        terms = {**free_energy, "quantization_error": commitment}
        losses = dict(free_energy)
        if model.posterior.learned:
            losses["codebook"] = _squared_distance(ops.stop_gradient(features), vectors)
            losses["commitment"] = self.commitment * commitment
        return terms, losses, shown(p)


def _squared_distance(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Sum over all but the batch, `[batch]`."""
    return ops.sum((first - second) ** 2, axis=tuple(range(1, len(first.shape))))
