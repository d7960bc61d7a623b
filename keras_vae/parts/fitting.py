"""Fitting a prior to latents by gradient descent: ex-post density estimation (Ghosh et al. 2020, section 4)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks


def draws(z: Any, latent_size: int) -> np.ndarray:
    """Latents that a prior is to be fitted to, checked: float32 `[examples, latent]`.

    Raises:
        TypeError: no numbers.
        ValueError: of another shape, none, or NaN or infinite ones.
    """
    try:
        z = np.asarray(z, "float32")
    except (TypeError, ValueError) as error:
        raise TypeError(f"The latents must be numbers, [examples, {latent_size}]; got {checks.told(z)}.") from error
    if z.ndim != 2 or z.shape[1] != latent_size or not len(z):
        raise ValueError(f"The latents must have the shape [examples, {latent_size}]; got {list(z.shape)}.")
    if not np.isfinite(z).all():
        raise ValueError("The latents hold NaN or infinite values.")
    return z


class FittedByGradient:
    """Of priors: `adapt` by Adam."""

    def nats(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What is minimised of latents `[batch, latent]`, `[batch]`: `-log p(z)`.

        Args:
            seed: stateless, int32 `[2]`, for what a subclass draws.
        """
        return -self.distribution().log_prob(z)

    def learner(self) -> keras.layers.Layer:
        """What learns by `adapt`: all of it, or a network that `fit` leaves alone."""
        return self

    def end(self, seed: int) -> Any:
        """What a subclass does after it was fitted."""

    def adapt(
        self,
        z: np.ndarray,
        epochs: int = 20,
        batch_size: int = 200,
        learning_rate: float = 2e-3,
        seed: int = 0,
        verbose: Any = "auto",
    ) -> None:
        """Fits it to latents `[examples, latent]`, by Adam with a rate that falls along a cosine.

        Args:
            epochs: passes over the latents.
            batch_size: latents a step; all of them, where they are fewer.
            learning_rate: the first.
            seed: of the order of the latents and of what is drawn.
            verbose: 0 for no progress bar, as Keras's `fit` takes it.

        Raises:
            TypeError, ValueError: of latents that are not as described, of NaN, or no such numbers.
            FloatingPointError: it ended in NaN; the prior is as it was before.
        """
        z = draws(z, self.latent_size)
        epochs, batch_size = checks.whole("epochs", epochs), min(checks.whole("batch_size", batch_size), len(z))
        checks.number("learning_rate", learning_rate, above=0.0)
        seed = checks.seed(seed, none=False)
        if not self.built:
            self.build(None)
        data = tf.data.Dataset.from_tensor_slices(z).shuffle(len(z), seed=seed).batch(batch_size, drop_remainder=True)
        steps = len(z) // batch_size
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
        before = self.get_weights()
        learner = self.learner()
        trainable, each = learner.trainable, [(weight, weight.trainable) for weight in learner.variables]
        learner.trainable = True
        fitted = Fitting(self, seed)
        fitted.compile(optimizer=keras.optimizers.Adam(schedule), steps_per_execution=min(steps, 20))
        try:
            fitted.fit(data, epochs=epochs, shuffle=False, verbose=verbose)
        finally:
            learner.trainable = trainable
            for weight, value in each:  # Keras sets all within a layer alike
                weight.trainable = value
        self.end(seed)
        if not all(np.isfinite(weight).all() for weight in self.get_weights()):
            self.set_weights(before)
            raise FloatingPointError(
                f"Fitting {type(self).__name__} ended in NaN; it is as it was before. Lower learning_rate, now "
                f"{learning_rate:g}."
            )


class Fitting(keras.Model):
    """A prior with its loss, for Keras to fit: not to be saved."""

    def __init__(self, prior, seed):
        super().__init__(dtype="float32")
        self.prior, self.seed_generator = prior, keras.random.SeedGenerator(seed)

    def call(self, z):
        seed = tf.cast(tf.math.mod(self.seed_generator.next(), 2**31 - 1), tf.int32)
        self.add_loss(tf.reduce_mean(self.prior.nats(z, seed)))
        return z
