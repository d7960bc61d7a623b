"""Scaled losses on several replicas."""

import keras
import tensorflow as tf

from keras_vae import devices


@keras.saving.register_keras_serializable("keras_vae")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras's, but where one replica's gradients overflow, all of them skip the step: Keras 3.15 asks the first one
    alone, or each worker itself, which then wait for one another without end."""

    def check_finite(self, grads) -> tf.Tensor:
        finite = super().check_finite(grads)
        count = devices.replicas_here()
        if count == 1:
            return finite
        reduce = tf.distribute.get_replica_context().all_reduce
        return reduce(tf.distribute.ReduceOp.SUM, tf.cast(finite, "float32")) > count - 0.5
