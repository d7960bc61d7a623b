"""Callbacks that every model takes."""

import keras


class WarmUp(keras.callbacks.Callback):
    """Raises a weight of the objective linearly over training steps: beta, against posterior collapse (Bowman et al.
    2016; Sonderby et al. 2016), or a modality's weight, so that the other modalities are learned first.

    What is measured does not change: `free_energy` knows no weights. Goes on where it was after a resumption.

    Args:
        steps: how many training steps the rise takes.
        target: value from then on.
        start: value before.
        delay: step at which the rise begins.
        modality: whose weight it is, of a model with `modality_weights`; None: beta.
    """

    def __init__(self, steps, target=1.0, start=0.0, delay=0, modality=None):
        super().__init__()
        if steps < 1 or delay < 0:
            raise ValueError(f"steps must be at least 1 and delay at least 0; got {steps} and {delay}.")
        self.steps, self.target, self.start, self.delay, self.modality = steps, target, start, delay, modality

    def value(self, step):
        """The weight at a training step."""
        share = min(max(step - self.delay, 0) / self.steps, 1.0)
        return self.start + (self.target - self.start) * share

    def on_train_begin(self, logs=None):
        if self.modality is not None and self.modality not in getattr(self.model, "modality_weights", {}):
            raise ValueError(f"The model has no modality {self.modality!r} whose weight could be raised.")
        self._set()

    def on_train_batch_end(self, batch, logs=None):
        self._set()

    def _set(self):
        weight = self.model.beta if self.modality is None else self.model.modality_weights[self.modality]
        weight.assign(self.value(int(self.model.optimizer.iterations)))
