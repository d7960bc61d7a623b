"""Likelihoods of images whose pixels depend on each other."""

from typing import Any

import keras
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions.autoregressive import Autoregressive, in_turn
from keras_vae.distributions.seeds import fold_in
from keras_vae.networks import built, folded, local_pixel_cnn, output_shape
from keras_vae.networks import network as check_network
from keras_vae.parts.likelihoods import LIKELIHOODS, BernoulliLikelihood, Likelihood
from keras_vae.parts.registry import resolve


@keras.saving.register_keras_serializable("keras_vae")
class AutoregressiveLikelihood(Likelihood):
    """`p(x|z) = prod_i p(x_i | z, window before i)`, pixel by pixel, row by row: a local autoregressive decoder (PixelVAE,
    Gulrajani et al. 2017, section 3; variational lossy autoencoder, Chen et al. 2017, section 3.1). The decoder returns a
    map of features `[height, width, features]`; a masked network sees a pixel's features and the window of pixels before
    it, and gives the parameters of the base likelihood. Channels of a pixel are independent given those.

    A log-density is one pass, in nats an example. A draw, `model.decode(z).sample()`, is made pixel by pixel. There is no
    mean: what `reconstruct`, `sample` and `traverse` show has in every pixel the likeliest value, given those already
    shown; nothing of x itself is seen.

    Formula:
        `log p(x|z) = sum_i log p(x_i | f_i(z), x_j for j in the window before i)`

    When to use:
        When latents are to hold what is global, and texture, strokes and noise are to be left to the decoder: what the
        window explains costs no rate, and so leaves z (information preference). Start with a window of 1 to 3. The larger
        it is, the lower is the rate, until latents are unused: watch `rate`, and compare with a decoder without latents,
        which a large window alone comes near to. Reconstructions keep no texture but that of their kind.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> likelihood = keras_vae.parts.AutoregressiveLikelihood(window=2)
        >>> model = keras_vae.VAE(latent_size=8, likelihood=likelihood)
        >>> model.compile("adam")
        >>> history = model.fit(x > 0.5, epochs=3)
        >>> drawn = model.decode(model.prior_of().sample(16)).sample()  # [16, 8, 8, 1], 0 or 1

    Args:
        base: of a pixel: "bernoulli" (of 0 and 1 alone), "discretized_logistic", "categorical", "normal", "laplace", or an
            object of `keras_vae.parts`.
        window: rows above a pixel that it sees, and columns on both sides, in its own row those to the left. 0: none.
        features: size of the decoder's output at a pixel.
        network: causal network as `networks.local_pixel_cnn` makes it, from images padded by the window and features to
            parameters. None: that one. `log_likelihood` runs it on about 2,000 images at a time: lower `chunk=` where
            that is too much.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(
        self,
        base: Any = "bernoulli",
        window: int = 2,
        features: int = 16,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.base = resolve(base, LIKELIHOODS, Likelihood, "base")
        if isinstance(self.base, AutoregressiveLikelihood):
            raise TypeError("The base must be a likelihood of independent dimensions; got an AutoregressiveLikelihood.")
        self.window, self.features = checks.whole("window", window, least=0), checks.whole("features", features)
        self.network = check_network("network", network)
        for name in ("support", "data_dtype", "one_hot", "density", "refuses_images"):
            setattr(self, name, getattr(self.base, name))
        # Grey values are expected bits where pixels are independent; here they are seen as well, and nothing is expected.
        self.binary = isinstance(self.base, BernoulliLikelihood)

    def parameters_shape(self, event_shape) -> tuple[int, ...]:
        if len(event_shape) != 3:
            got = list(event_shape)
            raise ValueError(f"An AutoregressiveLikelihood is of images [height, width, channels]; the data are {got}.")
        return (*event_shape[:2], self.features)

    def build(self, input_shape):
        self.event = event = tuple(input_shape[1:])
        wanted, features = tuple(self.base.parameters_shape(event)), self.parameters_shape(event)
        if self.network is None:
            self.network = local_pixel_cnn(event[-1], self.features, wanted[-1], self.window)
        padded = (event[0] + self.window, event[1] + 2 * self.window, event[2])
        returned = output_shape("network of the likelihood", self.network, [(None, *padded), (None, *features)])[1:]
        if tuple(returned) != wanted:
            raise ValueError(
                f"The network of the likelihood returns {list(returned)} an example, but {list(wanted)} are needed of "
                f"images padded by the window, {list(padded)}, and features {list(features)}."
            )
        built(self.base, input_shape)
        signature = [tf.TensorSpec([None, *features]), tf.TensorSpec([2], tf.int32)]

        def draw(features, seed):
            return self._in_turn(features, lambda p, place: p.sample(seed=fold_in(seed, place)))

        def mode(features):
            return self._in_turn(features, lambda p, place: p.mode())

        self.draw = tf.function(draw, input_signature=signature, autograph=False)
        self.mode = tf.function(mode, input_signature=signature[:1], autograph=False)

    def start_at(self, x, observed=None, weight=None):
        self.base.start_at(x, observed, weight)

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Autoregressive:
        """TFP distribution over images of the decoder's features `[..., height, width, features]`."""
        return Autoregressive(self._given, self.draw, self.mode, tf.cast(given, "float32"), self.event)

    def _given(self, x, features):
        parts = [self._padded(tf.cast(x, "float32")), features]
        return self.base.distribution(*folded(self.network, parts, [len(part.shape) - 3 for part in parts]))

    def _padded(self, x):
        window = self.window
        return tf.pad(x, [*[[0, 0]] * (len(x.shape) - 3), [window, 0], [window, window], [0, 0]])

    def _in_turn(self, features, choose):
        """Images `[batch, *event]`: `choose(distribution, place)` of each pixel, which costs its window alone."""
        (_, columns, channels), window, count = self.event, self.window, tf.shape(features)[0]

        def at(place, x):
            corner = [0, place // columns, place % columns, 0]
            seen = tf.slice(self._padded(x), corner, [count, window + 1, 2 * window + 1, channels])
            here = tf.slice(features, corner, [count, 1, 1, self.features])
            return choose(self.base.distribution(self.network([seen, here])), place)

        return in_turn(at, tf.zeros([count, *self.event]), axes=2)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("base", "network")}
        return {**super().get_config(), **parts, "window": self.window, "features": self.features}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("base", "network")}
        return cls(**{**config, **parts})
