"""The vector-quantized autoencoder (VQ-VAE, van den Oord et al. 2017)."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from keras_vae import checks
from keras_vae.models.vae import VAE
from keras_vae.networks import Network, default_grid_decoder, default_grid_encoder
from keras_vae.objectives import VectorQuantized
from keras_vae.parts import CODE_PRIORS, CODEBOOKS


@keras.saving.register_keras_serializable("keras_vae")
class VQVAE(VAE):
    """Latents are codes: at every place of a grid, that of the codebook's vector nearest to the encoder's.

    Minimises `distortion + rate + |sg[z] - e|^2 + commitment * |z - sg[e]|^2` (equation 3), each a sum over the example
    and a mean over the batch; z are the encoder's vectors, e the codebook's, and the distortion's gradient passes from
    e to z as it is. The rate is `-log prior(codes)`: under the uniform prior the constant `positions * log(codes)`
    nats; codes being whole numbers, its gradient reaches nothing but a prior that learns.

    A training in two stages, as in the paper, is one of freezing: fit with `model.prior.trainable = False`, then freeze
    `encoder`, `decoder`, `posterior` and `likelihood` instead, compile, and fit again.

    `encode` returns a distribution that is certain of its codes, `embed` the codes, int32 `[examples, *grid]`, and
    `decode` takes codes; `model.posterior.lookup(codes)` are their vectors. The free energy, distortion + rate, is
    `-log p(x, codes)` and so bounds `-log p(x)`.

    Formula:
        `-log p(x|e) - log p(codes) + |sg[z] - e|^2 + commitment |z - sg[e]|^2`, with e the nearest of the codebook to z

    When to use:
        When codes are to be discrete, as for compression or for a sequence model on top, or when a VAE's means blur
        what must stay sharp. Samples need a learned prior: `prior="autoregressive"`.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.VQVAE(latent_size=8, codes=32)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> codes = model.embed(x)  # int32 [1500, height, width]

    Args:
        encoder: network `[batch, *event]` to `[batch, *grid, latent]`. None: chosen from the shape of images.
        decoder: network `[batch, *grid, latent]` to likelihood parameters. None: chosen with the encoder.
        latent_size: size of a codebook's vector.
        likelihood: as `VAE` takes it.
        codes: number of codes.
        prior: "uniform", "autoregressive" (learned; uniform before its first step), or an object of
            `keras_vae.parts`.
        posterior: the codebook: "moving_average", "gradient", "finite_scalar" (nothing to learn: `codes` is the number
            of levels to the power of `latent_size`), or an object of `keras_vae.parts`.
        commitment: weight of the commitment, 0.25 unless given; for codebooks that learn. A likelihood of small scale
            makes the distortion heavy and wants more of it: watch `quantization_error`, which grows without end where
            it is too small.
        objective: None, or an object in place of what `commitment` says.
        **kwargs: `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    priors, posteriors, objectives = CODE_PRIORS, CODEBOOKS, (VectorQuantized,)
    shorthands = (*VAE.shorthands, "commitment")
    renamed: ClassVar[dict[str, str]] = {"beta": "commitment"}
    latent_dtype = "int32"

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        latent_size: int = 64,
        likelihood: Any = "bernoulli",
        codes: int = 512,
        prior: Any = "uniform",
        posterior: Any = "moving_average",
        commitment: float | None = None,
        objective: VectorQuantized | None = None,
        **kwargs: Any,
    ) -> None:
        object.__setattr__(self, "codes", checks.whole("codes", codes))  # before Keras lets attributes be set
        if objective is None:
            objective = VectorQuantized() if commitment is None else VectorQuantized(commitment)
        elif commitment is not None:
            raise ValueError(
                "commitment belongs to the objective, which is an object: VectorQuantized(commitment=...)."
            )
        parts = {"prior": prior, "posterior": posterior, "objective": objective}
        super().__init__(encoder, decoder, latent_size, likelihood, **parts, **kwargs)
        made = self.prior.codes, self.posterior.codes
        if made != (codes, codes):
            raise ValueError(f"codes is {codes}, but {made[0]} of the prior and {made[1]} of the posterior.")
        if commitment is not None and not self.posterior.learned:
            raise ValueError(f"A {type(self.posterior).__name__} learns nothing to commit to: leave commitment= out.")

    def part_arguments(self) -> dict[str, Any]:
        return {"latent_size": self.latent_size, "codes": self.codes}

    @property
    def commitment(self) -> keras.Variable:
        """Weight of the commitment in the objective, a variable."""
        return self.objective.commitment

    def default_networks(self, parameters_shape) -> Any:
        encoder = default_grid_encoder(self.event_shape, self.latent_size)
        return encoder, default_grid_decoder(self.latent_size, parameters_shape)

    def latent_shape(self) -> Any:
        return tuple(self.encoder.compute_output_shape((None, *self.event_shape))[1:-1])

    def decoder_input_shape(self) -> tuple[int, ...]:
        return (*self.latent_shape(), self.latent_size)

    def likelihood_of(self, z, batch=None) -> Any:
        return self.decode_vectors(self.posterior.lookup(z), batch)

    def decode_vectors(self, vectors: tf.Tensor, batch: Any = None) -> Any:
        """p(x|e) of vectors in the places of codes, `[..., *grid, latent]`."""
        return super().likelihood_of(vectors, batch)

    def quantized(self, batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The encoder's vectors `[batch, *grid, latent]`, their codes `[batch, *grid]` and the codebook's vectors;
        moves the codebook's averages on in training."""
        features = tf.cast(self.encoder(batch.x, training=batch.training), "float32")
        codes = self.posterior(features)
        vectors = self.posterior.lookup(codes)
        if batch.training and self.posterior.trainable:
            self.posterior.update(features, codes, self.next_seed(), batch.weight)
        return self.posterior.coordinates(features), codes, vectors

    def log_likelihood(self, x: Any, samples: int = 1, **kwargs: Any) -> Any:
        """`log p(x, codes)`, nats, NumPy `[examples]`: a lower bound of log p(x), which sums over all code grids.

        More `samples` would be the same one, and are not drawn.
        """
        checks.whole("samples", samples)
        return super().log_likelihood(x, samples=1, **kwargs)
