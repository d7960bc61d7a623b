"""Devices: code that runs on several replicas at once under tf.distribute, which one it is, and its part of the global
batch."""

from typing import Any

import tensorflow as tf
from keras import tree


def replica() -> int:
    """Index of the replica that runs this code, over all workers; 0 without tf.distribute."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else int(tf.get_static_value(context.replica_id_in_sync_group) or 0)


def replicas_here() -> int:
    """How many replicas run this code at once; 1 without tf.distribute."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def on_workers() -> bool:
    """Whether replicas of several processes run this code at once."""
    strategy = tf.distribute.get_strategy()
    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and strategy.cluster_resolver is not None
    jobs = strategy.cluster_resolver.cluster_spec().as_dict() if several else {}
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker")) > 1


def weight(examples: tf.Tensor) -> tf.Tensor:
    """This replica's examples over the mean number of examples of a replica, float32: the mean over replicas of
    weighted means is that of the global batch, however the last batch of an epoch is split."""
    examples = tf.cast(examples, "float32")
    return examples / tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, examples)


def with_one_example(batch: Any) -> Any:
    """A batch of tensors with one example of zeros added, and masks of True, where it has none: a mean over none is
    NaN, and so would be every weight."""

    def filled(part):
        if not tf.is_tensor(part) or part.shape[0]:
            return part
        missing = tf.cast(tf.shape(part)[0] == 0, "int32")
        row = tf.fill([missing, *tf.unstack(tf.shape(part)[1:])], tf.cast(part.dtype == tf.bool, part.dtype))
        return tf.ensure_shape(tf.concat([part, row], axis=0), [None, *part.shape[1:]])

    return tree.map_structure(filled, batch)


def scaled_gradient(loss: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """The loss as it is, but its gradient times a factor."""
    return factor * loss + tf.stop_gradient(loss - factor * loss)
