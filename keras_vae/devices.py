"""Devices: strategies and precisions for those that there are, and code that runs on several replicas at once under
tf.distribute: which one it is, and its part of the global batch. In the list of rooms it stands below `networks`."""

import contextlib
import json
import os
from typing import Any

import tensorflow as tf
from keras import tree

from keras_vae import checks

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


def strategy(devices=None):
    """The strategy for devices of this machine, or of all workers where TF_CONFIG names several.

    Args:
        devices: None or 1: one device, and no strategy. A number of GPUs, or "all" of them. Where there is no GPU, of
            logical CPU devices, which share the processor: for trying things out.

    Returns:
        `tf.distribute.MirroredStrategy`, `MultiWorkerMirroredStrategy` (every worker with all the GPUs that it sees,
        or with its CPU), or None.

    Raises:
        ValueError: devices that there are not, or any besides TF_CONFIG.
    """
    if devices not in (None, "all") and not (str(devices).isdecimal() and int(devices) > 0):
        raise ValueError(f'devices must be a positive number or "all"; got {devices!r}.')
    if workers() > 1:
        if devices not in (None, "all"):
            raise ValueError(
                f"TF_CONFIG names several workers, and each takes all the GPUs that it sees: leave out devices "
                f"({devices}), and set CUDA_VISIBLE_DEVICES for fewer."
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    wanted = None if devices == "all" else int(devices or 1)
    if kind == "CPU" and (wanted or 1) > 1:
        _split_cpu(wanted)
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if wanted is not None and wanted > len(names):
        have = f"{len(names)} GPU{'s' if len(names) > 1 else ''}"
        raise ValueError(
            f'There {"are" if len(names) > 1 else "is"} {have}; got devices={wanted}. "all" takes what is.'
        )
    names = names[:wanted]
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else None


def _split_cpu(count):
    """Makes logical devices of the CPU; those that are there already, if enough, do as well."""
    with contextlib.suppress(RuntimeError):  # TensorFlow runs already: what follows tells whether that matters
        cpu = tf.config.list_physical_devices("CPU")[0]
        if len(tf.config.get_logical_device_configuration(cpu) or ()) < count:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    if len(tf.config.list_logical_devices("CPU")) < count:
        raise ValueError(
            f"There is no GPU, and TensorFlow has started with fewer than {count} logical CPU devices: ask for them "
            "before anything is computed."
        )


def workers():
    """How many processes train together, by TF_CONFIG; 1 without it."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
        return len(cluster.get("chief", ())) + len(cluster.get("worker", ())) or 1
    except (ValueError, AttributeError) as error:
        raise ValueError(f"TF_CONFIG is not the JSON that TensorFlow reads: {error}.") from error


def replicas(strategy):
    """How many replicas share out a batch; 1 without a strategy."""
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope(strategy):
    """The strategy's scope, or none without one."""
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def is_chief(strategy):
    """Whether this process is the one that writes files: the only one, or the chief of several workers."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and (resolver.task_type, resolver.task_id) == ("worker", 0))


def precision(policy):
    """The dtype policy: "auto" by what the GPUs compute fast, any other name as it is.

    mixed_bfloat16 from compute capability 8 (A100), mixed_float16 from 7 (V100), float32 below and without a GPU.
    """
    if checks.choice("precision", policy, PRECISIONS) != "auto":
        return policy
    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    lowest = min(capabilities, default=(0, 0))[0]
    return "mixed_bfloat16" if lowest >= 8 else "mixed_float16" if lowest >= 7 else "float32"


# --- within a replica -------------------------------------------------------------------------------------------------


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
