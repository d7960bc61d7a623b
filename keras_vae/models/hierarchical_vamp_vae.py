"""The VAE with a ladder of latents and a variational mixture of posteriors on top (Tomczak & Welling 2018)."""

from typing import Any

import keras

from keras_vae.models.ladder_vae import LadderVAE
from keras_vae.models.vamp_vae import VampVAE


@keras.saving.register_keras_serializable("keras_vae")
class HierarchicalVampVAE(LadderVAE, VampVAE):
    """A ladder whose top rung has a learned prior: the mixture of the posteriors of K pseudo-inputs, which are trained
    as weights (Tomczak & Welling 2018, section 4).

    Formula:
        `E_q[-log p(x|z)] + beta sum_l E_q KL(q(z_l|z_>l, x) || p(z_l|z_>l))`, with
        `p(z_L) = 1/K sum_k q(z_L|u_k)`

    When to use:
        For the best likelihood that dense networks reach here: the mixture holds the clusters, the rungs below what
        varies within them. Start the pseudo-inputs at examples, by `adapt`, before `fit`.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.HierarchicalVampVAE(latent_sizes=(8, 8), components=50)
        >>> model.compile("adam")
        >>> model.adapt(x)  # the pseudo-inputs start at 50 examples
        >>> history = model.fit(x, epochs=3)  # rate = rate_z2 + rate_z1
        >>> new = model.sample(16)  # [16, 8, 8, 1]

    Args:
        encoder, decoder, top_down, latent_sizes, widths, merge: as in `LadderVAE`.
        components: number K of pseudo-inputs.
        **kwargs: further arguments of `VAE`; the top rung's posterior is normal, and no other prior is taken.
    """

    def build(self, input_shape: Any) -> None:
        self.add_pseudo_inputs(input_shape)
        super().build(input_shape)
