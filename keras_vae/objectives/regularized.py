"""The regularized autoencoder (Ghosh et al. 2020)."""

from typing import Any

import keras
import tensorflow as tf

from keras_vae.objectives.free_energy import OneDraw


@keras.saving.register_keras_serializable("keras_vae")
class Regularized(OneDraw):
    """`distortion + beta / 2 |z|^2 + decay |theta|^2` of a deterministic autoencoder, whose decoder has the weights
    theta (Ghosh et al. 2020, section 3): no noise smooths the latents, but a small decoder. No prior is
    trained: `model.adapt` fits one afterwards, such as `NormalMixturePrior(latents, 10, trainable=False)`.

    Measured are `squared_norm`, `|z|^2`, and `decoder_norm`, `|theta|^2`; there is no rate, no free energy and no
    likelihood.

    Args:
        beta: weight of the latents' norm. A variable. The defaults are the paper's for MNIST, of errors summed over
            the pixels.
        decay: weight of the decoder's norm. A variable.
    """

    weights_named = ("beta", "decay")
    term_names = ("squared_norm", "decoder_norm")
    densities = (False,)

    def __init__(self, beta: float = 5e-3, decay: float = 4e-5, **kwargs: Any) -> None:
        super().__init__(beta, **kwargs)
        self.weigh(decay=decay)

    def asks_for_rate(self) -> bool:
        return False  # beta weighs none

    def added(self, model, q, z, batch) -> Any:
        theta = [tf.reduce_sum(tf.square(weight)) for weight in model.decoder.trainable_variables]
        terms = {"squared_norm": tf.reduce_sum(z**2, axis=-1), "decoder_norm": sum(theta, tf.zeros(()))}
        losses = {"squared_norm": 0.5 * self.beta * terms["squared_norm"]}
        return terms, {**losses, "decoder_norm": self.decay * terms["decoder_norm"]}
