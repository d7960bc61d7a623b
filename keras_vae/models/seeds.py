"""Where a model's random draws stand."""

import keras
import numpy as np
import tensorflow as tf

from keras_vae import devices

PHILOX, STEP = 1, 256  # TensorFlow's number of the algorithm, and by how much one draw moves its counter on


class Seeds(keras.random.SeedGenerator):
    """Keras's generator of seeds, with the same seeds, but read and moved on in one operation: threads that draw at
    once, in compiled functions too, never draw the same.

    Args:
        seed: None: drawn from Python's generator, as `keras.utils.set_random_seed` sets it.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed, name="seed_generator")
        start = self.state.numpy()
        # A counter of two numbers, and the seed: what `RngReadAndSkip` takes.
        self.state = keras.Variable(
            [0, 0, start[0]], dtype="int64", trainable=False, aggregation="none", name="seed_generator_state"
        )

    def next(self, ordered: bool = True) -> tf.Tensor:
        """The seed and the number of draws before this one, int64 `[2]`."""
        value = self.state.value
        # Each replica its own copy; outside of them all copies
        copies = [value] if devices.replicas_here() > 1 else getattr(value, "values", [value])
        skip = tf.constant(1, "uint64")
        before = [tf.raw_ops.RngReadAndSkip(resource=each.handle, alg=PHILOX, delta=skip)[0] for each in copies]
        return tf.stack([tf.convert_to_tensor(value)[2], before[0] // STEP])

    @property
    def position(self) -> np.ndarray:
        """The seed and the number of draws, int64 `[2]`: what archives hold."""
        counter, _, seed = self.state.numpy()
        return np.array([seed, counter // STEP])

    @position.setter
    def position(self, value: np.ndarray) -> None:
        seed, draws = np.asarray(value, "int64")
        self.state.assign([draws * STEP, 0, seed])
