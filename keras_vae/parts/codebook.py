"""Codebooks: posteriors of vector-quantized models, where every feature becomes the nearest of a few vectors."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from keras_vae import checks
from keras_vae.distributions.draws import stateless_uniform
from keras_vae.parts.part import Posterior

tfd = tfp.distributions


class Codebook(Posterior):
    """Features `[batch, *grid, latent]` to codes, int32 `[batch, *grid]`.

    A subclass defines `call`, features to codes, and `lookup`, codes to vectors.

    Args:
        latent_size: size of a vector.
        codes: number of vectors.

    Attributes:
        learned: whether vectors are learned, so that the objective pulls features and vectors to one another.
    """

    learned = False

    def __init__(self, latent_size: int, codes: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latent_size, self.codes = checks.whole("latent_size", latent_size), checks.whole("codes", codes)

    def build(self, input_shape):
        if input_shape[-1] != self.latent_size:
            raise ValueError(
                f"The encoder returns vectors of {input_shape[-1]} at each place of its grid, but latent_size is "
                f"{self.latent_size}."
            )

    def coordinates(self, features) -> tf.Tensor:
        """Features `[..., latent]` to what is quantized of them, differentiable: themselves, unless told otherwise."""
        return features

    def lookup(self, codes) -> tf.Tensor:
        """Vectors `[..., latent]` of codes `[...]`."""
        raise NotImplementedError(f"{type(self).__name__} must define `lookup`.")

    def distribution(self, given: Any = None) -> Any:
        """Features `[batch, *grid, latent]` to a TFP distribution over code grids that is certain of theirs."""
        codes = self(given)
        return tfd.Independent(tfd.Deterministic(codes), len(codes.shape) - 1)

    def update(self, features, codes, seed, weight=None) -> None:
        """What a step of training changes by itself; the gradient knows nothing of it.

        Args:
            features: `[batch, *grid, latent]`.
            codes: theirs, `[batch, *grid]`.
            seed: stateless int32 pair.
            weight: None, or of one of several replicas: its examples over the mean number of those of a replica.
        """

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size, "codes": self.codes}


class LearnedCodebook(Codebook):
    """A feature's code is the index of the nearest vector, and vectors are learned.

    Before the first step of training all vectors are alike. That step draws them from the encoder's outputs, and so are
    the vectors of codes drawn anew whose share of use falls below `restart_below / codes`.

    Args:
        latent_size: size of a vector.
        codes: number of vectors.
        decay: of the moving average of each code's share of use, at every step of training.
        restart_below: 0 restarts none after the first step.
    """

    learned = True

    def __init__(
        self, latent_size: int, codes: int = 512, decay: float = 0.99, restart_below: float = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(latent_size, codes, **kwargs)
        if checks.number("decay", decay, 0.0, 1.0) == 1.0:
            raise ValueError("decay must lie in [0, 1): at 1 nothing is learned.")
        self.decay, self.restart_below = decay, checks.number("restart_below", restart_below, 0.0)

    def build(self, input_shape):
        super().build(input_shape)
        self.started = self._state((), "started")
        # Shares of use and not counts: the mean over replicas is then what the global batch gives on one device.
        self.shares = self._state((self.codes,), "shares")

    def _state(self, shape, name):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, aggregation="mean", name=name)

    def vectors(self) -> tf.Tensor:
        """All vectors, float32 `[codes, latent]`."""
        raise NotImplementedError

    def call(self, features):
        flat = ops.reshape(ops.cast(features, "float32"), (-1, self.latent_size))
        vectors = self.vectors()
        # The squared distance without |features|^2, which all codes share.
        distances = ops.sum(vectors**2, axis=-1) - 2.0 * ops.matmul(flat, ops.transpose(vectors))
        return ops.reshape(ops.argmin(distances, axis=-1), ops.shape(features)[:-1])

    def lookup(self, codes) -> tf.Tensor:
        return tf.gather(self.vectors(), codes)

    def update(self, features, codes, seed, weight=None) -> None:
        """One step of the moving averages, and of restarts."""
        flat = tf.stop_gradient(tf.reshape(features, [-1, self.latent_size]))
        codes, count = tf.reshape(codes, [-1]), tf.cast(tf.shape(flat)[0], "float32")
        share = (1.0 if weight is None else weight) / count
        used = tf.math.unsorted_segment_sum(tf.ones_like(codes, "float32"), codes, self.codes)
        self._average(self.shares, share * used)
        self.average_vectors(share * tf.math.unsorted_segment_sum(flat, codes, self.codes))
        dead = (self.shares.value < self.restart_below / self.codes) | (self.started.value == 0)
        drawn = tf.gather(flat, stateless_uniform([self.codes], seed, 0, tf.shape(flat)[0], tf.int32))
        self.restart(dead[:, None], _mean_of_replicas_in_turn(drawn))
        self.shares.assign(tf.where(dead, 1.0 / self.codes, self.shares.value))
        self.started.assign(1.0)

    def _average(self, state, value):
        state.assign(self.decay * state.value + (1.0 - self.decay) * value)

    def average_vectors(self, sums) -> None:
        """Takes the sums of the features of each code, `[codes, latent]`, over the number of all features."""

    def restart(self, dead, vectors) -> None:
        """Replaces the vectors, `[codes, latent]`, of codes that are `dead`, `[codes, 1]`."""
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), "decay": self.decay, "restart_below": self.restart_below}


@keras.saving.register_keras_serializable("keras_vae")
class MovingAverageCodebook(LearnedCodebook):
    """Vectors that are moving averages of the features assigned to them (van den Oord et al. 2017, appendix A.1)."""

    smoothing = 1e-6  # Laplace's, of shares of use

    def build(self, input_shape):
        super().build(input_shape)
        self.sums = self._state((self.codes, self.latent_size), "sums")

    def vectors(self) -> tf.Tensor:
        smoothed = (self.shares.value + self.smoothing) / (1.0 + self.codes * self.smoothing)
        return self.sums.value / smoothed[:, None]

    def average_vectors(self, sums) -> None:
        self._average(self.sums, sums)

    def restart(self, dead, vectors) -> None:
        self.sums.assign(tf.where(dead, vectors / self.codes, self.sums.value))


@keras.saving.register_keras_serializable("keras_vae")
class GradientCodebook(LearnedCodebook):
    """Vectors that the gradient of the codebook term moves (van den Oord et al. 2017, equation 3)."""

    def build(self, input_shape):
        super().build(input_shape)
        shape = (self.codes, self.latent_size)
        self.table = self.add_weight(shape=shape, initializer="zeros", aggregation="mean", name="table")

    def vectors(self) -> tf.Tensor:
        return self.table.value

    def restart(self, dead, vectors) -> None:
        self.table.assign(tf.where(dead, vectors, self.table.value))


CODEBOOKS = {"moving_average": MovingAverageCodebook, "gradient": GradientCodebook}


def _mean_of_replicas_in_turn(rows):
    """`rows` `[codes, latent]` so weighted that the mean over replicas holds one row of each of them in turn."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return rows
    count = replica.num_replicas_in_sync
    own = tf.range(tf.shape(rows)[0]) % count == replica.replica_id_in_sync_group
    return tf.where(own[:, None], count * rows, 0.0)
