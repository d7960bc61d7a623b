"""One form of seeds: TFP's stateless pair."""

import tensorflow as tf

from keras_vae import checks


def stateless(seed: int | tf.Tensor) -> tf.Tensor:
    """An integer, or what is a pair already, as a stateless seed, int32 `[2]`.

    Raises:
        TypeError, ValueError: neither.
    """
    if not (checks.sequence(seed) or (tf.is_tensor(seed) and seed.shape.rank != 0)):
        return tf.constant([checks.seed(seed, none=False), 0], tf.int32)
    try:
        pair = tf.convert_to_tensor(seed)
        pair = tf.cast(pair, tf.int32) if pair.dtype.is_integer and pair.shape.is_compatible_with([2]) else None
    except Exception:  # of many types
        pair = None
    if pair is None:
        raise ValueError(f"seed must be an integer, or a pair of integers, [2]; got {checks.told(seed)}.")
    return pair


def fold_in(seed: tf.Tensor, index: int | tf.Tensor) -> tf.Tensor:
    """Another seed for each index, int32 `[2]`."""
    return tf.random.experimental.stateless_fold_in(seed, index)
