"""Flows: invertible maps of vectors of latents, which are learned."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers

from keras_vae import checks
from keras_vae.networks import folded
from keras_vae.networks.masked import MaskedAutoregressiveNetwork

tfb = tfp.bijectors

LARGEST_LOG_SCALE = 2.0  # of a step, by a tanh: at 3, four steps took an outlier to 1e9 nats, and a training with it
# Of splines: they end at -5 and 5; widths and heights of bins, and slopes, below which inverses lose precision.
REACH, SMALLEST_BIN, SMALLEST_SLOPE = 5.0, 0.1, 0.01


class Flow(keras.layers.Layer):
    """Steps on vectors of latents, each with a network of its own, and the latents in another order between two steps.
    A subclass defines `network`, `step` and, where it is not the reverse, `order`.

    Args:
        latent_size: number of latents.
        steps: number of steps.
        widths: of the hidden layers of each network; none: a linear map.
        context_size: size of a context that every network sees as well; 0: none.
    """

    def __init__(
        self,
        latent_size: int,
        steps: int = 4,
        widths: Sequence[int] = (64, 64),
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.context_size = checks.whole("context_size", context_size, 0)
        self.latent_size, self.steps = checks.whole("latent_size", latent_size), checks.whole("steps", steps)
        self.widths = checks.sizes("widths", widths)
        self.networks = [self.network() for _ in range(self.steps)]

    # How many latents a network sees; None: all.
    seen_size: int | None = None

    def network(self) -> keras.layers.Layer:
        """The network of a step, `[batch, seen]` to what it says of the latents, `[batch, ...]`."""
        raise NotImplementedError(f"{type(self).__name__} must define `network`.")

    def step(self, network: Any) -> tfb.Bijector:
        """A step; `network` takes latents, `[..., seen]`, knows the context and answers in float32."""
        raise NotImplementedError(f"{type(self).__name__} must define `step`.")

    def order(self, step: int) -> np.ndarray:
        """The order of the latents after a step."""
        return np.arange(self.latent_size)[::-1]

    def build(self, input_shape=None):
        for network in self.networks:
            network.build((None, (self.seen_size or self.latent_size) + self.context_size))

    def bijector(self, context: tf.Tensor | None = None) -> tfb.Bijector:
        """From u, `[..., latent]`, to z, made anew at each call: Keras's variables reach it as tensors.

        Args:
            context: `[batch, context_size]`, where there is one; u and z are then `[..., batch, latent]`.
        """
        steps = []
        for index, network in enumerate(self.networks):
            steps += [self.step(self.told(network, context)), tfb.Permute(self.order(index))]
        return tfb.Chain(steps[:-1])

    def told(self, network: Any, context: tf.Tensor | None) -> Callable:
        """A network as a function of latents alone, `[..., seen]`, which answers in float32."""

        def both(inputs, training=None):
            return network(tf.concat(inputs, axis=-1) if isinstance(inputs, list) else inputs)

        def told(z):
            given = [z] if context is None else [z, context]
            return tf.cast(folded(both, given, [len(z.shape) - 1, 1][: len(given)])[0], "float32")

        return told

    def get_config(self):
        names = ("latent_size", "steps", "widths", "context_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("keras_vae")
class AutoregressiveFlow(Flow):
    """Masked autoregressive steps on vectors of latents (Papamakarios et al. 2017), which start at the identity:
    `z_i = m_i(z_<i) + exp(s_i(z_<i)) u_i`, their order turned round between two steps. From z to u is one pass, from u
    to z as many as there are latents.

    Args:
        latent_size: number of latents.
        steps: number of steps.
        widths: of each step's hidden layers; none: linear ones.
        context_size: size of a context that every step sees as well; 0: none.
    """

    def network(self) -> keras.layers.Layer:
        return MaskedAutoregressiveNetwork(self.latent_size, 2, self.widths, "elu", self.context_size, dtype="float32")

    def told(self, network, context) -> Callable:
        # What a context says is found once, not for every draw.
        return lambda z: tf.cast(network(z if context is None else [z, context]), "float32")

    def step(self, network) -> tfb.Bijector:
        return tfb.MaskedAutoregressiveFlow(once(lambda z: _shift_and_log_scale(network(z))))


@keras.saving.register_keras_serializable("keras_vae")
class CouplingFlow(Flow):
    """Couplings of vectors of latents, which start at the identity: the first half stays and says what becomes of the
    second, and all are mixed between two steps. From u to z and from z to u are one pass each, so it draws as fast as
    it scores; where draws may be slow, an `AutoregressiveFlow` fits closer.

    Args:
        latent_size: number of latents, at least 2.
        steps: number of steps.
        widths: of each step's hidden layers; none: linear ones.
        context_size: size of a context that every step sees as well; 0: none.
        coupling: "affine", `z = m + exp(s) u` (RealNVP, Dinh et al. 2017, equations 7 and 8), or "spline", monotonic
            rational-quadratic splines from -5 to 5 and the identity outside (Durkan et al. 2019, section 3.1).
        bins: of a spline.
    """

    def __init__(
        self,
        latent_size: int,
        steps: int = 6,
        widths: Sequence[int] = (64, 64),
        context_size: int = 0,
        coupling: str = "affine",
        bins: int = 8,
        **kwargs: Any,
    ) -> None:
        self.seen_size = checks.whole("latent_size", latent_size, 2) // 2
        self.coupling = checks.choice("coupling", coupling, ("affine", "spline"))
        self.bins = checks.whole("bins", bins, 2, 50)  # so many of the least width take half the room
        super().__init__(latent_size, steps, widths, context_size, **kwargs)

    def network(self) -> keras.layers.Layer:
        moved = self.latent_size - self.seen_size
        outputs = moved * (2 if self.coupling == "affine" else 3 * self.bins - 1)
        hidden = [layers.Dense(width, activation="elu", dtype="float32") for width in self.widths]
        return keras.Sequential([*hidden, layers.Dense(outputs, kernel_initializer="zeros", dtype="float32")])

    def order(self, step) -> np.ndarray:
        # In turn those that have moved come to stay, and halves of others are made.
        swapped = np.roll(np.arange(self.latent_size), -self.seen_size)
        return swapped if step % 2 == 0 else np.random.default_rng(step).permutation(self.latent_size)

    def step(self, network) -> tfb.Bijector:
        moved = self.latent_size - self.seen_size

        def mover(kept):
            raw = network(kept)
            raw = tf.reshape(raw, tf.concat([tf.shape(raw)[:-1], [moved, raw.shape[-1] // moved]], axis=0))
            return _spline(raw, self.bins) if self.coupling == "spline" else _affine(raw)

        return Coupling(self.seen_size, mover)

    def get_config(self):
        return {**super().get_config(), "coupling": self.coupling, "bins": self.bins}


class Coupling(tfb.Bijector):
    """The first of several numbers stay, and say what moves the others (Dinh et al. 2017, equations 4 and 5): TFP's
    `RealNVP`, which asks its network twice.

    Args:
        kept: how many stay.
        mover: function of these, `[..., kept]`, to the bijector of the others.
    """

    def __init__(self, kept: int, mover: Callable) -> None:
        self.kept, self.mover = kept, once(lambda x: mover(x[..., :kept]))
        super().__init__(forward_min_event_ndims=1, dtype=tf.float32, parameters={"kept": kept, "mover": mover})

    @classmethod
    def _parameter_properties(cls, dtype):
        return {}

    def _forward(self, x):
        return tf.concat([x[..., : self.kept], self.mover(x).forward(x[..., self.kept :])], axis=-1)

    def _inverse(self, y):
        return tf.concat([y[..., : self.kept], self.mover(y).inverse(y[..., self.kept :])], axis=-1)

    def _forward_log_det_jacobian(self, x):
        return self.mover(x).forward_log_det_jacobian(x[..., self.kept :], event_ndims=1)

    def _inverse_log_det_jacobian(self, y):
        return self.mover(y).inverse_log_det_jacobian(y[..., self.kept :], event_ndims=1)


def once(function: Callable) -> Callable:
    """A function of one tensor that remembers its last: of a point a flow is asked where it goes, and how much room it
    takes there, and gradients would go back through both answers."""
    last: list[Any] = []

    def remembered(x):
        if not (last and last[0] is x):
            last[:] = x, function(x)
        return last[1]

    return remembered


def _shift_and_log_scale(raw):
    shift, raw = tf.unstack(raw, axis=-1)
    return shift, LARGEST_LOG_SCALE * tf.tanh(raw / LARGEST_LOG_SCALE)


def _affine(raw):
    shift, log_scale = _shift_and_log_scale(raw)
    return tfb.Chain([tfb.Shift(shift), tfb.Scale(log_scale=log_scale)])


def _spline(raw, bins):
    """Of `[..., 3 bins - 1]`: widths and heights of the bins, and slopes between them; of zeros the identity."""
    widths, heights, slopes = tf.split(raw, [bins, bins, bins - 1], axis=-1)

    def shares(part):
        return SMALLEST_BIN + (2 * REACH - bins * SMALLEST_BIN) * tf.nn.softmax(part)

    one = np.log(np.expm1(1 - SMALLEST_SLOPE))  # slopes of zeros are 1
    slopes = SMALLEST_SLOPE + tf.nn.softplus(slopes + one)
    return tfb.RationalQuadraticSpline(shares(widths), shares(heights), slopes, -REACH)
