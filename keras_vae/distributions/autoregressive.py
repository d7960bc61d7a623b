"""Whole numbers on a grid, each given those before it."""

import math
from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.own import OwnDistribution, event_ndims

tfd = tfp.distributions


class AutoregressiveCodes(OwnDistribution):
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
        super().__init__(tf.int32, {"logits": logits, "grid": grid, "draw": draw})

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape(self.grid)

    def _event_shape_tensor(self):
        return tf.constant(self.grid, tf.int32)

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

    def step(position, codes):
        here = logits(tf.reshape(codes, [-1, *grid]))
        here = tf.reshape(here, [count, positions, here.shape[-1]])[:, position]
        fold = tf.random.experimental.stateless_fold_in(seed, position)
        code = tf.random.stateless_categorical(here, 1, fold, dtype=tf.int32)
        return position + 1, tf.where(tf.range(positions) == position, code, codes)

    _, codes = tf.while_loop(
        lambda position, _: position < positions,
        step,
        (0, tf.zeros([count, positions], tf.int32)),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, positions])),
    )
    return tf.reshape(codes, [-1, *grid])
