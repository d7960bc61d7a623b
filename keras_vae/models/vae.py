"""The variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014)."""

import keras
import tensorflow as tf

from keras_vae.distributions import LIKELIHOODS, POSTERIORS, PRIORS, resolve
from keras_vae.models.base import LatentVariableModel
from keras_vae.models.inputs import Batch, assert_shape, assert_values
from keras_vae.models.parts import build_part, check_decoder, decode_with, known_shape
from keras_vae.networks import default_decoder, default_encoder


@keras.saving.register_keras_serializable("keras_vae")
class VAE(LatentVariableModel):
    """An encoder gives each example a distribution over latents, a decoder each latent one over data; trained together,
    they minimise `distortion + beta * rate`, at beta = 1 the variational free energy, in nats per example.

    `VAE(latent_size=16)` chooses its networks from the shape of the data at the first fit.

    Formula:
        `E_q(z|x)[-log p(x|z)] + beta KL(q(z|x) || p(z)) >= -log p(x)`, the bound at beta = 1

    When to use:
        First, on one kind of data: for a likelihood, a smooth space of codes, new samples. Whatever you try next is to
        be compared with it.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")  # [1500, 8, 8, 1] in [0, 1]
        >>> model = keras_vae.VAE(latent_size=8)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)  # free_energy = distortion + rate, nats
        >>> z = model.embed(x)  # [1500, 8]
        >>> new = model.sample(16)  # [16, 8, 8, 1]

    Args:
        encoder: network `[batch, *event]` to features. None: chosen from the data.
        decoder: network `[batch, latent]` to likelihood parameters. None: chosen from the data.
        latent_size: number of latents.
        likelihood: "bernoulli", "normal", "laplace", "discretized_logistic", "categorical", or an object of
            `keras_vae.distributions`.
        **kwargs: `prior`, `posterior`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    # Shape of what networks take beside x or z, in conditional models.
    condition_shape = None

    def __init__(self, encoder=None, decoder=None, latent_size=16, likelihood="bernoulli", **kwargs):
        super().__init__(latent_size, **kwargs)
        if (encoder is None) != (decoder is None):
            raise ValueError("Give both an encoder and a decoder, or neither.")
        self.prior = resolve(self.prior, PRIORS, "prior", latent_size=latent_size)
        self.posterior = resolve(self.posterior, POSTERIORS, "posterior", latent_size=latent_size)
        self.likelihood = resolve(likelihood, LIKELIHOODS, "likelihood")
        # Networks last, here as in `build`: Keras keys an optimizer's saved state by the order of creation.
        self.encoder, self.decoder = encoder, decoder

    def input_shape_known(self):
        return self.encoder and known_shape(self.encoder)

    def build(self, input_shape):
        self.event_shape = tuple(input_shape[1:])
        parameters_shape = self.likelihood.parameters_shape(self.event_shape)
        if self.encoder is None:
            self.encoder, self.decoder = self.default_networks(parameters_shape)
        x, z = (None, *self.event_shape), (None, *self.decoder_input_shape())
        if self.condition_shape is not None:
            x, z = ([part, (None, *self.condition_shape)] for part in (x, z))
        build_part(self.encoder, x)
        build_part(self.decoder, z)
        build_part(self.posterior, self.encoder.compute_output_shape(x))
        build_part(self.likelihood, None)
        check_decoder(self.decoder, z, parameters_shape, self.likelihood)
        super().build(input_shape)

    def default_networks(self, parameters_shape):
        """`(encoder, decoder)` for data of `event_shape`, when the user gives none."""
        encoder = default_encoder(self.event_shape, self.condition_shape)
        return encoder, default_decoder(self.latent_size, self.event_shape, parameters_shape, self.condition_shape)

    def decoder_input_shape(self):
        """Shape of what the decoder takes, without batch."""
        return self.latent_shape()

    def to_batch(self, inputs):
        x = tf.cast(inputs, "float32")
        assert_shape(x, self.event_shape, "x")
        return Batch(x)

    def check(self, batch):
        assert_values(batch.x, self.likelihood.support, "x")

    def encode(self, inputs):
        return self.posterior.distribution(*self.posterior(self.encoder(self.prepare(inputs).x)))

    def decode(self, z):
        self._require_built()
        return decode_with(self.decoder, self.likelihood, z)
