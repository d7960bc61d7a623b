"""The VAE with a variational mixture of posteriors as its prior (Tomczak & Welling 2018)."""

from typing import Any

import keras
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.distributions import NormalMixture
from keras_vae.models.vae import VAE
from keras_vae.networks import Network
from keras_vae.parts import NormalPosterior, StandardNormalPrior


@keras.saving.register_keras_serializable("keras_vae")
class VampVAE(VAE):
    """A VAE with a learned prior: the mixture of the posteriors of K pseudo-inputs, which are trained as weights
    (Tomczak & Welling 2018, equation 9).

    Formula:
        `E_q(z|x)[-log p(x|z)] + beta KL(q(z|x) || p(z))`, with `p(z) = 1/K sum_k q(z|u_k)`

    When to use:
        When the standard normal is too simple a prior: data in clusters, latents that stay unused, samples from places
        that no example is encoded to. Costs K more encodings at each step, and the pseudo-inputs want a good start:
        see `adapt`.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.VampVAE(latent_size=8, components=50)
        >>> model.compile("adam")
        >>> model.adapt(x)  # the pseudo-inputs start at 50 examples
        >>> history = model.fit(x, epochs=3)
        >>> new = model.sample(16)  # [16, 8, 8, 1]

    Args:
        encoder, decoder, latent_size: as in `VAE`.
        components: number K of pseudo-inputs.
        **kwargs: further arguments of `VAE`; the posterior is normal, and no other prior is taken.
    """

    # Weights that are trained come first in archives: the pseudo-inputs.
    _place_of_weight = 1

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        latent_size: int = 16,
        components: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, latent_size, **kwargs)
        self.components = checks.whole("components", components)
        if not isinstance(self.posterior, NormalPosterior):
            raise ValueError(f'VampVAE needs posterior="normal"; got {type(self.posterior).__name__}.')
        if not isinstance(self.prior, StandardNormalPrior):
            raise ValueError("The prior of a VampVAE is its pseudo-inputs' posteriors; leave prior= out.")

    def build(self, input_shape):
        self.add_pseudo_inputs(input_shape)
        super().build(input_shape)

    def add_pseudo_inputs(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes their weights, for data `[batch, *event]`: before the networks', as archives have them."""
        bounds = self.likelihood.support
        self.pseudo_inputs = self.add_weight(
            shape=(self.components, *input_shape[1:]),
            initializer=keras.initializers.RandomUniform(*(bounds or (-1.0, 1.0))),
            constraint=bounds and Between(*bounds),
            name="pseudo_inputs",
        )

    def adapt(self, x: Any) -> None:
        """Starts the pseudo-inputs at the first examples of `x`, `[at least components, *event]`: before `fit`."""
        self.build_for_first(x)
        parts, count = [], 0
        for batch in self.batches(x, self.components):
            parts, count = [*parts, batch.x], count + len(batch.x)
            if count >= self.components:
                self.pseudo_inputs.assign(tf.concat(parts, axis=0)[: self.components])
                return
        raise ValueError(f"adapt needs at least {self.components} examples, one a component; got {count}.")

    def prior_of(self, batch=None) -> Any:
        training = batch is not None and batch.training
        features = tree.flatten(self.encoder(self.pseudo_inputs, training=training))
        return NormalMixture(*self.posterior(features[-1]))  # the last are those of a ladder's top rung


@keras.saving.register_keras_serializable("keras_vae")
class Between(keras.constraints.Constraint):
    """Keeps weights within `[lowest, highest]`."""

    def __init__(self, lowest, highest):
        self.lowest, self.highest = lowest, highest

    def __call__(self, value):
        return keras.ops.clip(value, self.lowest, self.highest)

    def get_config(self):
        return {"lowest": self.lowest, "highest": self.highest}
