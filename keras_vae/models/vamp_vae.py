"""The VAE with a variational mixture of posteriors as its prior (Tomczak & Welling 2018)."""

import keras
import numpy as np

from keras_vae.distributions import NormalMixture, NormalPosterior, StandardNormalPrior
from keras_vae.models.vae import VAE


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

    def __init__(self, encoder=None, decoder=None, latent_size=16, components=500, **kwargs):
        super().__init__(encoder, decoder, latent_size, **kwargs)
        if not isinstance(components, int) or components < 1:
            raise ValueError(f"components must be a positive integer; got {components!r}.")
        if not isinstance(self.posterior, NormalPosterior):
            raise ValueError(f'VampVAE needs posterior="normal"; got {type(self.posterior).__name__}.')
        if not isinstance(self.prior, StandardNormalPrior):
            raise ValueError("The prior of a VampVAE is its pseudo-inputs' posteriors; leave prior= out.")
        self.components = components

    def build(self, input_shape):
        bounds = self.likelihood.support
        self.pseudo_inputs = self.add_weight(
            shape=(self.components, *input_shape[1:]),
            initializer=keras.initializers.RandomUniform(*(bounds or (-1.0, 1.0))),
            constraint=bounds and Between(*bounds),
            name="pseudo_inputs",
        )
        super().build(input_shape)

    def adapt(self, x):
        """Starts the pseudo-inputs at the first examples of `x`, `[at least components, *event]`: before `fit`."""
        self._build_for(np.asarray(x))
        if len(x) < self.components:
            raise ValueError(f"adapt needs at least {self.components} examples, one a component; got {len(x)}.")
        (batch,) = self.batches(x[: self.components], self.components)
        self.pseudo_inputs.assign(batch.x)

    def prior_of(self, batch=None):
        return NormalMixture(*self.posterior(self.encoder(self.pseudo_inputs)))


@keras.saving.register_keras_serializable("keras_vae")
class Between(keras.constraints.Constraint):
    """Keeps weights within `[lowest, highest]`."""

    def __init__(self, lowest, highest):
        self.lowest, self.highest = lowest, highest

    def __call__(self, value):
        return keras.ops.clip(value, self.lowest, self.highest)

    def get_config(self):
        return {"lowest": self.lowest, "highest": self.highest}
