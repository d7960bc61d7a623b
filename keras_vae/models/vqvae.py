"""The vector-quantized autoencoder (VQ-VAE, van den Oord et al. 2017)."""

import keras
import tensorflow as tf
from keras import ops

from keras_vae.distributions import CODEBOOKS, resolve
from keras_vae.models.code_priors import CODE_PRIORS
from keras_vae.models.parts import decode_with
from keras_vae.models.vae import VAE
from keras_vae.networks import default_grid_decoder, default_grid_encoder


@keras.saving.register_keras_serializable("keras_vae")
class VQVAE(VAE):
    """Latents are codes: at every place of a grid, that of the codebook's vector nearest to the encoder's.

    Minimises `distortion + rate + |sg[z] - e|^2 + beta * |z - sg[e]|^2` (equation 3), each a sum over the example and a
    mean over the batch; z are the encoder's vectors, e the codebook's, and the distortion's gradient passes from e to z
    as it is. The rate is `-log prior(codes)`: under the uniform prior the constant `positions * log(codes)` nats; codes
    being whole numbers, its gradient reaches nothing but a prior that learns.

    A training in two stages, as in the paper, is one of freezing: fit with `model.prior.trainable = False`, then freeze
    `encoder`, `decoder`, `posterior` and `likelihood` instead, compile, and fit again.

    `encode` returns a distribution that is certain of its codes, `embed` the codes, int32 `[examples, *grid]`, and
    `decode` takes codes; `model.posterior.lookup(codes)` are their vectors. The free energy, distortion + rate, is
    `-log p(x, codes)` and so bounds `-log p(x)`.

    Formula:
        `-log p(x|e) - log p(codes) + |sg[z] - e|^2 + beta |z - sg[e]|^2`, with e the nearest of the codebook to z

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
            `keras_vae.models.code_priors`.
        posterior: the codebook: "moving_average", "gradient", or an object of `keras_vae.distributions`.
        beta: weight of the commitment. A likelihood of small scale makes the distortion heavy and wants more of it:
            watch `quantization_error`, which grows without end where beta is too small.
        **kwargs: `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    term_names = ("distortion", "rate", "quantization_error")

    def __init__(
        self,
        encoder=None,
        decoder=None,
        latent_size=64,
        likelihood="bernoulli",
        codes=512,
        prior="uniform",
        posterior="moving_average",
        beta=0.25,
        **kwargs,
    ):
        prior = resolve(prior, CODE_PRIORS, "prior", codes=codes)
        posterior = resolve(posterior, CODEBOOKS, "posterior", latent_size=latent_size, codes=codes)
        super().__init__(
            encoder, decoder, latent_size, likelihood, prior=prior, posterior=posterior, beta=beta, **kwargs
        )
        if not prior.codes == posterior.codes == codes:
            raise ValueError(
                f"codes is {codes}, but {prior.codes} of the prior and {posterior.codes} of the posterior."
            )
        self.codes = codes
        self.capacity = None  # the rate is the prior's cross-entropy: nothing to hold at a capacity

    def default_networks(self, parameters_shape):
        encoder = default_grid_encoder(self.event_shape, self.latent_size)
        return encoder, default_grid_decoder(self.latent_size, parameters_shape)

    def latent_shape(self):
        return tuple(self.encoder.compute_output_shape((None, *self.event_shape))[1:-1])

    def decoder_input_shape(self):
        return (*self.latent_shape(), self.latent_size)

    def encode(self, inputs):
        return self.posterior.distribution(self.posterior(self.encoder(self.prepare(inputs).x)))

    def decode(self, z):
        self._require_built()
        z = tf.convert_to_tensor(z)
        if not z.dtype.is_integer:
            raise TypeError(f"Codes are integers, as `embed` and `encode` give them; got {z.dtype.name}.")
        return self._decode_vectors(self.posterior.lookup(z))

    def _decode_vectors(self, vectors):
        return decode_with(self.decoder, self.likelihood, vectors, latent_ndims=len(self.decoder_input_shape()))

    def terms(self, batch, training):
        features = tf.cast(self.encoder(batch.x), "float32")
        codes = self.posterior(features)
        vectors = self.posterior.lookup(codes)
        if training and self.posterior.trainable:
            self.posterior.update(features, codes, self.next_seed(), batch.weight)
        p = self._decode_vectors(features + ops.stop_gradient(vectors - features))
        free_energy = {"distortion": -p.log_prob(batch.x), "rate": -self.prior_of(batch).log_prob(codes)}
        codebook = _squared_distance(ops.stop_gradient(features), vectors)
        commitment = _squared_distance(features, ops.stop_gradient(vectors))
        terms = {**free_energy, "quantization_error": commitment}
        return terms, {**free_energy, "codebook": codebook, "commitment": self.beta * commitment}, p.mean()

    def log_likelihood(self, x, samples=1, **kwargs):
        """`log p(x, codes)`, nats, NumPy `[examples]`: a lower bound of log p(x), which sums over all code grids.

        More `samples` would be the same one, and are not drawn.
        """
        return super().log_likelihood(x, samples=1, **kwargs)

    def traverse(self, x, latent=0, values=()):
        """Refused: codes have no order to move along."""
        raise ValueError("A VQ-VAE has no traversals: codes have no order. Try reconstruct or sample.")


def _squared_distance(first, second):
    """Sum over all but the batch, `[batch]`."""
    return ops.sum((first - second) ** 2, axis=tuple(range(1, len(first.shape))))
