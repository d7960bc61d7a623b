"""One form of seeds: TFP's stateless pair."""

import tensorflow as tf


def stateless(seed: int | tf.Tensor) -> tf.Tensor:
    """An integer, or what is a pair already, as a stateless seed, int32 `[2]`."""
    return tf.constant([seed, 0], tf.int32) if isinstance(seed, int) else tf.convert_to_tensor(seed, tf.int32)


def fold_in(seed: tf.Tensor, index: int | tf.Tensor) -> tf.Tensor:
    """Another seed for each index, int32 `[2]`."""
    return tf.random.experimental.stateless_fold_in(seed, index)
