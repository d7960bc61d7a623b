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
    """`p(x|z) = prod_i p(x_i | z, window before i)`, pixel by pixel, row by row: a local autoregressive decoder
    (PixelVAE, Gulrajani et al. 2017; variational lossy autoencoder, Chen et al. 2017, section 3). The decoder returns
    a map of features, `[height, width, features]`; a causal network makes of a pixel's features and the window of
    pixels before it the parameters of the base likelihood. Channels of a pixel are independent given those.

    A log-density is one pass, in nats an example; a draw of x, `model.decode(z).sample()`, is made pixel by pixel.
    There is no mean: `reconstruct`, `sample` and `traverse` show in every pixel the likeliest value given z and what
    they show before it, and see nothing of x but through z.

    Formula:
        `log p(x|z) = sum_i log p(x_i | features_i(z), x_j of the window before i)`

    When to use:
        When latents are to hold what is global, and texture and strokes may be left to the decoder: what the window
        explains costs no rate, and leaves z (information preference, Chen et al. 2017, section 2). Start with a window
        of 1; the larger, the lower the rate, until latents are unused. The window is learned first: warm beta up by
        `keras_vae.callbacks.WarmUp`, or it is all that is learned. Watch `rate`, and compare the free energy with that
        of the same decoder without latents: only below it are they worth their rate. Where they are unused, what is
        shown is everywhere the one likeliest image, of digits a black one.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> likelihood = keras_vae.parts.AutoregressiveLikelihood(window=2)
        >>> model = keras_vae.VAE(latent_size=8, likelihood=likelihood)
        >>> model.compile("adam")
        >>> history = model.fit((x > 0.5).astype("float32"), epochs=3)
        >>> z = model.prior_of().sample(16)
        >>> drawn = model.decode(z).sample()  # [16, 8, 8, 1], of 0 and 1

    Args:
        base: of a pixel: "bernoulli" (x is 0 or 1), "discretized_logistic", "categorical", "normal", "laplace", or an
            object of `keras_vae.parts`.
        window: so many rows above a pixel, with so many columns on both sides, and as many pixels to its left in its
            own row. 0: pixels are independent given z.
        features: size of what the decoder returns for a pixel.
        network: causal, of images padded by the window and of features, with the same of a part of an image as of the
            whole; None: `networks.local_pixel_cnn`.
        **kwargs: of `keras.layers.Layer`.
    """

    decoded = 200

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
        # Of independent pixels grey values are expected bits; a window of them is no window of bits.
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
        self._check_network((event[0] + self.window, event[1] + 2 * self.window, event[2]), features, wanted)
        built(self.base, input_shape)
        weights = [tf.TensorSpec(weight.shape, weight.dtype) for weight in self.weights]
        signature = [weights, tf.TensorSpec([None, *features]), tf.TensorSpec([2], tf.int32)]

        def draw(weights, features, seed):
            return self._in_turn(weights, features, lambda p, place: p.sample(seed=fold_in(seed, place)))

        def mode(weights, features):
            return self._in_turn(weights, features, lambda p, _: p.mode())

        self.draw = tf.function(draw, input_signature=signature, autograph=False)
        self.mode = tf.function(mode, input_signature=signature[:2], autograph=False)

    def _check_network(self, padded, features, wanted):
        try:
            got = output_shape("network", self.network, [(None, *padded), (None, *features)])[1:]
        except ValueError as error:  # of another window, it may not fit together
            got = error
        if got != wanted:
            raise ValueError(
                f"The network of an AutoregressiveLikelihood must make {list(wanted)} of images padded by the window, "
                f"{list(padded)}, and of features, {list(features)}; got {checks.told(got)}."
            )

    def start_at(self, x, observed=None, weight=None) -> None:
        self.base.start_at(x, observed, weight)

    def distribution(self, given: Any = None, batch_ndims: int = 1) -> Autoregressive:
        """TFP distribution over images of the decoder's features `[..., height, width, features]`."""

        # Weights are arguments: a call without state is left out of a step of training, which has no use for it.
        def apart(function):
            return lambda *rest: function([tf.stop_gradient(weight.value) for weight in self.weights], *rest)

        features = tf.cast(given, "float32")
        return Autoregressive(self._given, apart(self.draw), apart(self.mode), features, self.event)

    def _given(self, x, features):
        parts = [self._padded(tf.cast(x, "float32")), features]
        return self.base.distribution(*folded(self.network, parts, [len(part.shape) - 3 for part in parts]))

    def _padded(self, x):
        window = self.window
        return tf.pad(x, [*[[0, 0]] * (len(x.shape) - 3), [window, 0], [window, window], [0, 0]])

    def _in_turn(self, weights, features, choose):
        """Images `[batch, *event]`: `choose(distribution, place)` of each pixel, which costs its window alone."""
        (_, columns, channels), window, count = self.event, self.window, tf.shape(features)[0]

        def at(place, x):
            corner = [0, place // columns, place % columns, 0]
            seen = tf.slice(self._padded(x), corner, [count, window + 1, 2 * window + 1, channels])
            here = tf.slice(features, corner, [count, 1, 1, self.features])
            with keras.StatelessScope(state_mapping=list(zip(self.weights, weights, strict=True))):
                return choose(self.base.distribution(self.network([seen, here])), place)

        return in_turn(at, tf.zeros([count, *self.event]), axes=2)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("base", "network")}
        return {**super().get_config(), **parts, "window": self.window, "features": self.features}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("base", "network")}
        return cls(**{**config, **parts})
