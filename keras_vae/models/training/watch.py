"""What is watched in every training."""

import keras
import numpy as np

from keras_vae.models.inputs import EMPTY


class Watch(keras.callbacks.Callback):
    """No silent NaN and no silent nothing: an epoch of either ends in an error."""

    def on_epoch_begin(self, epoch, logs=None):
        self.batches = 0

    def on_test_begin(self, logs=None):
        self.test_batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_test_batch_end(self, batch, logs=None):
        self.test_batches += 1

    def on_test_end(self, logs=None):
        if not self.test_batches:
            raise ValueError(EMPTY)

    def on_epoch_end(self, epoch, logs=None):
        if not self.batches:
            raise ValueError(EMPTY)
        bad = {name: float(value) for name, value in (logs or {}).items() if not np.isfinite(value)}
        if bad:
            raise FloatingPointError(
                f"Epoch {epoch + 1} ended with {bad}. Lower the learning rate, clip gradients (clipnorm=), or check "
                "the scale of the likelihood."
            )
