"""How long training takes."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_vae import checks
from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate
from keras_vae.models.inputs import examples, standard


def relative_step_time(
    model: keras.Model, other: keras.Model, x: Any, batch_size: int = 64, steps: int = 10, rounds: int = 5
) -> Estimate:
    """Time of a training step of a model over that of another one on the same data, here and now: the median of rounds,
    in each of which either takes `steps`. Copies are trained; the models stay as they are.

    Args:
        x: data as both take them, at least `batch_size` examples.

    Returns:
        Estimate, a ratio.

    Raises:
        TypeError: no models of keras_vae; data that are no arrays.
        ValueError: fewer examples than `batch_size`, a number out of its range.
    """
    for name, each in (("model", model), ("other", other)):
        given.model(each, "fit", "objective", name=name)
    batch_size, steps = checks.whole("batch_size", batch_size), checks.whole("steps", steps)
    rounds, x = checks.whole("rounds", rounds), tree.map_structure(np.asarray, standard(x))
    if examples(x) < batch_size:
        raise ValueError(f"x must have at least batch_size examples, {batch_size}; got {examples(x)}.")
    batch = tree.map_structure(lambda part: np.tile(part[:batch_size], (steps,) + (1,) * (part.ndim - 1)), x)
    copies = [type(each).from_config(each.get_config()) for each in (model, other)]

    def seconds(copy):
        timer = _Timer()
        copy.fit(batch, batch_size=batch_size, shuffle=False, verbose=0, callbacks=[timer])
        return timer.seconds

    for copy in copies:
        copy.compile("adam", steps_per_execution=steps)
        seconds(copy)  # makes the graph
    ratios = [np.divide(*map(seconds, copies)) for _ in range(rounds)]
    return Estimate(float(np.median(ratios)), "ratio", rounds)


class _Timer(keras.callbacks.Callback):
    """Seconds of one execution of several steps: what an epoch takes besides is spread over many more."""

    def on_train_batch_begin(self, batch, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds = time.perf_counter() - self.start
