"""The variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014)."""

from typing import Any

import keras

from keras_vae import checks, networks
from keras_vae.models.base import LatentVariableModel
from keras_vae.parts import LIKELIHOODS, POSTERIORS, PRIORS, Likelihood, Posterior, Prior, resolve


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
            `keras_vae.parts`.
        prior: "standard_normal", "laplace", "normal_mixture", "flow", or an object of `keras_vae.parts`; fitted after
            training, by `adapt`: "flow_matching", "noise_contrastive", "resampled"; with "power_spherical":
            "spherical_uniform".
        posterior: "normal", "laplace", "flow", "power_spherical", "deterministic", or an object of `keras_vae.parts`.
        **kwargs: `objective`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    # Shape of what networks take beside x or z, in conditional models.
    condition_shape: tuple[int, ...] | None = None
    # What strings name: priors, posteriors.
    priors: dict[str, type] = PRIORS
    posteriors: dict[str, type] = POSTERIORS

    def __init__(
        self,
        encoder: networks.Network = None,
        decoder: networks.Network = None,
        latent_size: int = 16,
        likelihood: Any = "bernoulli",
        prior: Any = "standard_normal",
        posterior: Any = "normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_size = checks.whole("latent_size", latent_size)
        encoder, decoder = networks.network("encoder", encoder), networks.network("decoder", decoder)
        if (encoder is None) != (decoder is None):
            raise ValueError("Give both an encoder and a decoder, or neither.")
        made_with = self.part_arguments()
        self.prior = resolve(prior, self.priors, Prior, "prior", **made_with)
        self.posterior = resolve(posterior, self.posteriors, Posterior, "posterior", **made_with)
        self.likelihood = resolve(likelihood, LIKELIHOODS, Likelihood, "likelihood")
        self.check_parts()
        # Networks last, here as in `build`: Keras keys an optimizer's saved state by the order of creation.
        self.encoder, self.decoder = encoder, decoder

    def part_arguments(self) -> dict[str, Any]:
        """What priors and posteriors that are named are made with."""
        return {"latent_size": self.latent_size}

    def build(self, input_shape):
        self.event_shape = event = tuple(input_shape[1:])
        parameters_shape = self.likelihood.parameters_shape(event)
        if self.encoder is None:
            self.encoder, self.decoder = self.default_networks(parameters_shape)
        x, z = (networks.input_shapes(shape, self.condition_shape) for shape in (event, self.decoder_input_shape()))
        features = networks.output_shape("encoder", self.encoder, x)
        self.likelihood.check(self.decoder, z, event)
        networks.built(self.posterior, features)
        networks.built(self.likelihood, (None, *event))
        super().build(input_shape)

    def default_networks(self, parameters_shape: tuple[int, ...]) -> tuple[keras.Model, keras.Model]:
        """`(encoder, decoder)` for data of `event_shape`, when the user gives none."""
        event, condition = self.event_shape, self.condition_shape
        decoder = networks.default_decoder(self.latent_size, event, parameters_shape, condition)
        return networks.default_encoder(event, condition), decoder

    def latent_shape(self) -> Any:
        return (self.latent_size,)

    def decoder_input_shape(self) -> tuple[int, ...]:
        """Shape of what the decoder takes, without batch."""
        return self.latent_shape()

    def posterior_of(self, batch) -> Any:
        given = batch.x if batch.condition is None else [batch.x, batch.condition]
        return self.posterior.distribution(self.encoder(given, training=batch.training))

    def likelihood_of(self, z, batch=None) -> Any:
        given, lead = [z], [len(z.shape) - len(self.decoder_input_shape())]
        if batch is not None and batch.condition is not None:
            given, lead = [*given, batch.condition], [*lead, 1]
        parameters, ndims = networks.folded(self.decoder, given, lead, batch is not None and batch.training)
        return self.likelihood.distribution(parameters, batch_ndims=ndims)
