"""What is watched in every training."""

import warnings

import keras
import numpy as np

from keras_vae.models.inputs import EMPTY


class Watch(keras.callbacks.Callback):
    """No silent NaN and no silent nothing: an epoch of either ends in an error. Epochs in a row whose rate is next to
    nothing end in a warning, one a training: after `steps` of them, or at the end."""

    unused, epochs, steps = 0.02, 3, 1000  # nats

    def on_train_begin(self, logs=None):
        self.collapsed, self.told = [], False  # steps of the last epochs without a rate

    def on_train_end(self, logs=None):
        self._warn_of_collapse(steps=0)

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
        # Absolute, as one that is estimated may fall below zero
        unused = abs((logs or {}).get("rate", np.inf)) < self.unused and self.model.objective.asks_for_rate()
        self.collapsed = [*self.collapsed, self.batches] if unused else []
        self._warn_of_collapse(self.steps)

    def _warn_of_collapse(self, steps):
        if len(self.collapsed) >= self.epochs and sum(self.collapsed) >= steps and not self.told:
            self.told = True
            warnings.warn(
                f"The rate has been below {self.unused} nats for {len(self.collapsed)} epochs: the posterior has "
                "collapsed to the prior, and latents say nothing of the data. Try a likelihood of smaller or learned "
                "scale, callbacks.WarmUp(steps) of beta, a smaller beta, or objectives.Capacity.",
                RuntimeWarning,
                stacklevel=2,
            )


class Progress(keras.callbacks.ProgbarLogger):
    """Keras's bar, which ends at 100 %: of calls of several steps, Keras counts an epoch's last one in full."""

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self._within(batch), logs)

    def on_test_batch_end(self, batch, logs=None):
        super().on_test_batch_end(self._within(batch), logs)

    def on_predict_batch_end(self, batch, logs=None):
        super().on_predict_batch_end(self._within(batch), logs)

    def _within(self, batch):
        return batch if self.target is None else min(batch, self.target - 1)


class UpToDate(keras.callbacks.Callback):
    """Estimates the prior's normaliser anew before it is read: before training, an evaluation, and a checkpoint."""

    def on_train_begin(self, logs=None):
        self.move_on()

    def on_epoch_end(self, epoch, logs=None):
        self.move_on()

    def on_test_begin(self, logs=None):
        self.model.prior.update_log_partition(move=False)  # or samples of one seed would change by an evaluation

    def move_on(self) -> None:
        # Other noise at each epoch, but the same whether or not there is an evaluation in between
        step = keras.ops.convert_to_numpy(self.model.optimizer.iterations)
        self.model.prior.update_log_partition(seed=int(step))
