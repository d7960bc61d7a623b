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
    """Minimises `distortion + beta * rate`: the variational free energy, at beta = 1, in nats per example.

    `VAE(latent_size=16)` chooses its networks from the shape of the data at the first fit.

    Args:
        encoder: network `[batch, *event]` to features. None: chosen from the data.
        decoder: network `[batch, latent]` to likelihood parameters. None: chosen from the data.
        latent_size: number of latents.
        likelihood: "bernoulli", "normal", "laplace", "discretized_logistic", "categorical", or an object of
            `keras_vae.distributions`.
        **kwargs: `prior`, `posterior`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

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
        build_part(self.encoder, (None, *self.event_shape))
        build_part(self.decoder, (None, *self.decoder_input_shape()))
        build_part(self.posterior, self.encoder.compute_output_shape((None, *self.event_shape)))
        build_part(self.likelihood, None)
        check_decoder(self.decoder, self.decoder_input_shape(), parameters_shape, self.likelihood)
        super().build(input_shape)

    def default_networks(self, parameters_shape):
        """`(encoder, decoder)` for data of `event_shape`, when the user gives none."""
        return default_encoder(self.event_shape), default_decoder(self.latent_size, self.event_shape, parameters_shape)

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
