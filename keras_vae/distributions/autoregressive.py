"""Values on a grid, each given those before it, row by row."""

import math
from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.own import OwnDistribution, Unbatched, event_ndims
from keras_vae.distributions.seeds import fold_in

tfd = tfp.distributions


class Autoregressive(OwnDistribution):
    """Images, `p(x) = prod_i p(x_i | features, x before i)`, row by row: a density is one pass, a draw one a pixel.

    There is no mean, since a pixel's depends on what is drawn before it; the mode is pixel by pixel the likeliest given
    those before it.

    Args:
        given: function from x `[..., *batch, *event]` and the features to the distribution over x that is
            `p(x_i | features, x before i)` at every pixel i.
        draw: function `(features, seed)` to x `[count, *event]`, of features `[count, rows, columns, features]`.
        mode: function from such features to the mode.
        features: `[*batch, rows, columns, features]`.
        event_shape: `(rows, columns, channels)`.
    """

    _parameter_properties = event_ndims(features=3)

    def __init__(
        self, given: Callable, draw: Callable, mode: Callable, features: tf.Tensor, event_shape: tuple[int, ...]
    ) -> None:
        self.given, self.draw, self.likeliest = given, draw, mode
        self.features, self.event = features, tuple(event_shape)
        parameters = {"given": given, "draw": draw, "mode": mode, "features": features, "event_shape": event_shape}
        super().__init__(features.dtype, parameters)

    def _batch_shape(self):
        return self.features.shape[: -len(self.event)]

    def _batch_shape_tensor(self):
        return tf.shape(self.features)[: -len(self.event)]

    def _event_shape(self):
        return tf.TensorShape(self.event)

    def _event_shape_tensor(self):
        return tf.constant(self.event, tf.int32)

    def _log_prob(self, x):
        return self.given(x, self.features).log_prob(x)

    def _sample_n(self, n, seed=None):
        seed, shape = tfp.random.sanitize_seed(seed), tf.shape(self.features)
        features = tf.broadcast_to(tf.stop_gradient(self.features), tf.concat([[n], shape], axis=0))
        return self._unfolded(self.draw(self._folded(features), seed), tf.shape(features))

    def _mode(self):
        return self._unfolded(self.likeliest(self._folded(tf.stop_gradient(self.features))), tf.shape(self.features))

    def _folded(self, features):
        return tf.reshape(features, [-1, *features.shape[-len(self.event) :]])

    def _unfolded(self, x, shape):
        return tf.reshape(x, tf.concat([shape[: -len(self.event)], self.event], axis=0))


class AutoregressiveCodes(Unbatched):
    """`p(codes) = prod_i p(code_i | codes before i)`, row by row.

    Args:
        logits: function from codes `[batch, *grid]` to logits `[batch, *grid, codes]`, those of a code looking at the
            codes before it alone.
        grid: shape of an event.
        draw: compiled function `(count, seed)` to codes `[count, *grid]`; None: `draw_in_turn`.
    """

    _parameter_properties = event_ndims()

    def __init__(self, logits: Callable, grid: tuple[int, ...], draw: Callable | None = None) -> None:
        self.logits, self.grid, self.draw = logits, tuple(grid), draw
        super().__init__(self.grid, tf.int32, {"logits": logits, "grid": grid, "draw": draw})

    def _log_prob(self, codes):
        flat = tf.reshape(codes, [-1, *self.grid])
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=flat, logits=self.logits(flat))
        nats = tf.reduce_sum(nats, axis=list(range(1, len(flat.shape))))
        return tf.reshape(-nats, tf.shape(codes)[: -len(self.grid)])

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        return self.draw(n, seed) if self.draw else draw_in_turn(self.logits, self.grid, n, seed)


def draw_in_turn(logits: Callable, grid: tuple[int, ...], count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Codes `[count, *grid]`, one position after another within one graph; `logits` as `AutoregressiveCodes` has it."""
    positions = math.prod(grid)

    def draw(position, codes):
        here = logits(codes)
        here = tf.reshape(here, [count, positions, here.shape[-1]])[:, position]
        return tf.random.stateless_categorical(here, 1, fold_in(seed, position), dtype=tf.int32)[:, 0]

    return in_turn(draw, tf.zeros([count, *grid], tf.int32), len(grid))


def in_turn(choose: Callable, start: tf.Tensor, axes: int) -> tf.Tensor:
    """Values on a grid, chosen one place after another, row by row, within one graph.

    Args:
        choose: function from the number of a place and the values `[count, *grid, *channels]`, of which those before it
            are chosen, to what stands there, `[count, *channels]`.
        start: what stands where nothing is chosen yet, `[count, *grid, *channels]`.
        axes: how many the grid has.
    """
    shape = start.shape
    grid, channels = shape[1 : 1 + axes], shape[1 + axes :]
    places = math.prod(grid)
    here = tf.reshape(tf.range(places), [*grid, *[1] * len(channels)])

    def step(place, values):
        chosen = tf.reshape(choose(place, values), [-1, *[1] * axes, *channels])
        return place + 1, tf.ensure_shape(tf.where(here == place, chosen, values), shape)

    return tf.while_loop(lambda place, _: place < places, step, (0, start))[1]
