"""What draws of the standard normal become along an ordinary differential equation."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal
from keras_vae.distributions.own import Unbatched, event_ndims

tfd = tfp.distributions


class ProbabilityFlow(Unbatched):
    """Draws `z(0)` of the standard normal, moved along `dz/dt = v(z, t)` from t = 0 to 1. Its density is
    `log p(z(1)) = log N(z(0)) - int_0^1 div v(z(t), t) dt`, along the way back (Chen et al. 2018, equation 8). Both by
    Runge-Kutta steps of the fourth order, so up to their error, which falls by 16 as the steps are halved.

    Args:
        velocity: function of points `[n, size]` and times `[n]` to velocities `[n, size]`.
        with_divergence: the same, to `(velocities, divergences [n])`.
        size: numbers of an event.
        steps: of the equation.
        moved: a scalar: at 0 nothing moves, and nothing is computed; at 1 all is as above.
    """

    _parameter_properties = event_ndims()

    def __init__(
        self,
        velocity: Callable,
        with_divergence: Callable,
        size: int,
        steps: int = 16,
        moved: tf.Tensor | float = 1.0,
        name: str = "ProbabilityFlow",
    ) -> None:
        self.velocity, self.with_divergence = velocity, with_divergence
        self.size, self.steps, self.moved = size, steps, moved
        parameters = {"velocity": velocity, "with_divergence": with_divergence, "size": size, "steps": steps}
        super().__init__((size,), tf.float32, {**parameters, "moved": moved}, tfd.FULLY_REPARAMETERIZED, name)

    def _sample_n(self, n, seed=None):
        start = stateless_normal([n, self.size], tfp.random.sanitize_seed(seed))
        (z,) = self._along(lambda point, time: (self.velocity(point, time),), (start,), 0.0, 1.0)
        return z

    def _log_prob(self, z):
        flat = tf.reshape(z, [-1, self.size])
        state = flat, tf.zeros_like(flat[:, 0])
        start, change = self._along(lambda point, time, _: self.with_divergence(point, time), state, 1.0, 0.0)
        normal = -0.5 * (tf.reduce_sum(start**2, axis=-1) + self.size * np.log(2 * np.pi))
        return tf.reshape(normal + tf.cast(change, normal.dtype), tf.shape(z)[:-1])

    def _along(self, rates, state, start, stop):
        """State at the time `stop`: a tuple whose first is a point, `rates(point, time, *others)` their derivatives."""
        step = (stop - start) / self.steps
        # Known to XLA, which must keep every step for the gradient.
        count = tf.where(tf.convert_to_tensor(self.moved) > 0, self.steps, 0)

        def add(state, factor, slopes):
            return tuple(part + factor * slope for part, slope in zip(state, slopes, strict=True))

        def at(state, time):
            return rates(state[0], tf.fill(tf.shape(state[0])[:1], time), *state[1:])

        def body(index, *state):
            time = start + step * tf.cast(index, tf.float32)
            first = at(state, time)
            second = at(add(state, 0.5 * step, first), time + 0.5 * step)
            third = at(add(state, 0.5 * step, second), time + 0.5 * step)
            fourth = at(add(state, step, third), time + step)
            slopes = [a + 2.0 * b + 2.0 * c + d for a, b, c, d in zip(first, second, third, fourth, strict=True)]
            return (index + 1, *add(state, step / 6.0, slopes))

        _, *state = tf.while_loop(
            lambda index, *_: index < count, body, (0, *state), maximum_iterations=self.steps, parallel_iterations=1
        )
        return tuple(state)
