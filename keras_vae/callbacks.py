"""Callbacks that every model takes. What they are given is checked before a training's first epoch."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import io
import os
import pathlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks, plots
from keras_vae._registration import register
from keras_vae.metrics import chain_diagnostics, given
from keras_vae.metrics.chains import check_options


class WarmUp(keras.callbacks.Callback):
    """Raises a weight of the objective linearly over training steps: beta, against posterior collapse (Bowman et al.
    2016; Sonderby et al. 2016), or a modality's weight, so that the other modalities are learned first.

    What is measured does not change: `free_energy` knows no weights. Goes on where it was after a resumption.

    Without a target it ends at the model's own weight, and the variable holds the raised one in training steps alone:
    what is saved between them, validated or trained further has the model's own. (A callback that saves within an epoch
    comes after this one.)

    Args:
        steps: how many training steps the rise takes, at least 1.
        target: value from then on, at least 0; None: the model's own beta, or its own weight of the modality.
        start: value before.
        delay: step at which the rise begins.
        modality: whose weight it is, of a model with `modality_weights`; None: beta.

    Raises:
        ValueError: a number out of its range; before the first step: an unknown modality.
        TypeError: no number; before the first step: the model has no beta.
    """

    def __init__(
        self,
        steps: float,
        target: float | None = None,
        start: float = 0.0,
        delay: float = 0,
        modality: str | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("steps", steps, 1), ("delay", delay, 0), ("start", start, 0)):
            checks.number(name, value, least)
        if target is not None:
            checks.number("target", target, 0)
        if modality is not None:
            checks.instance("modality", modality, str, "the name of a modality, or None")
        self.steps, self.target, self.start, self.delay, self.modality = steps, target, start, delay, modality
        self.own = None  # the model's own weight, once a training starts

    def value(self, step: int) -> float:
        """The weight at a training step.

        Raises:
            ValueError: without a target, before a training has started.
        """
        target = self.own if self.target is None else self.target
        if target is None:
            raise ValueError("Without a target it is the model's own weight, which is known once a training starts.")
        share = min(max(step - self.delay, 0) / self.steps, 1.0)
        return self.start + (target - self.start) * share

    def variable(self) -> keras.Variable:
        """The model's variable that is raised."""
        if self.modality is None:
            if not hasattr(getattr(self.model, "beta", None), "assign"):
                raise TypeError(
                    f"{type(self.model).__name__} has no beta that could be raised: fit a model of keras_vae."
                )
            return self.model.beta
        known = getattr(self.model, "modality_weights", None) or {}
        if self.modality not in known:
            raise ValueError(
                f"The model has no modality {self.modality!r} whose weight could be raised; it has {sorted(known)}."
            )
        return known[self.modality]

    def on_train_begin(self, logs=None) -> None:
        variable = self.variable()
        held = float(variable.numpy())
        self.own = getattr(variable, "_raised", {}).get(held, held)  # an earlier training may have died in a step
        self._set()

    def on_train_batch_begin(self, batch, logs=None) -> None:
        if self.target is None:
            variable, value = self.variable(), self.value(self._step)
            variable._raised = {float(np.float32(value)): self.own}
            variable.assign(value)

    def on_train_batch_end(self, batch, logs=None) -> None:
        self._set()

    def _set(self):
        """The weight between two steps."""
        self._step = int(self.model.optimizer.iterations)
        self.variable().assign(self.own if self.target is None else self.value(self._step))


class Cycles(WarmUp):
    """Repeats a warm-up: each cycle raises the weight over `steps`, then holds it (Fu et al. 2019).

    Args:
        steps: how many training steps a rise takes.
        period: steps of a whole cycle, at least `steps`.
        cycles: after so many the weight stays at `target`.
        **kwargs: further arguments of `WarmUp`; `delay` comes once, before the first cycle.

    Raises:
        TypeError, ValueError: as `WarmUp` does, and of a period shorter than the rise.
    """

    def __init__(self, steps: float, period: float, cycles: int = 4, **kwargs) -> None:
        super().__init__(steps, **kwargs)
        checks.number("period", period)
        self.period, self.cycles = period, checks.whole("cycles", cycles)
        if period < steps:
            raise ValueError(f"period must be at least steps, {steps}: the rise is a part of it; got {period}.")

    def value(self, step: int) -> float:
        running = step - self.delay
        if 0 <= running < self.period * self.cycles:
            step = self.delay + running % self.period
        return super().value(step)


class Capacity(WarmUp):
    """Asks for a rate of so many nats instead of the smallest: the objective has `beta * |rate - capacity|`, and the
    capacity rises over training (Burgess et al. 2018, equation 8). With beta about 100 the rate follows it closely.

    Args:
        steps: how many training steps the rise takes.
        target: the capacity from then on, nats per example; of the sum over subsets in models that have several.
        start, delay: as in `WarmUp`.

    Raises:
        TypeError, ValueError: as `WarmUp`; before the first step: an objective without a capacity.
    """

    def __init__(self, steps: float, target: float, start: float = 0.0, delay: float = 0) -> None:
        super().__init__(steps, checks.number("target", target, 0), start, delay)

    def variable(self) -> keras.Variable:
        capacity = getattr(getattr(self.model, "objective", None), "capacity", None)
        if capacity is None:
            raise ValueError(
                f"The objective of {type(self.model).__name__} holds no capacity: give the model "
                "objective=keras_vae.objectives.Capacity(beta=100)."
            )
        return capacity


class Adapt(keras.callbacks.Callback):
    """Calls `model.adapt(x)` when a training starts, not when it goes on; or at its end.

    Args:
        x: as the model's `adapt` takes it.
        when: "start", or "end": after the last epoch, of a prior that is fitted to what the encoder has become.

    Raises:
        TypeError: before the first step: the model has nothing to adapt.
        ValueError: no such `when`.
    """

    def __init__(self, x: Any, when: str = "start") -> None:
        super().__init__()
        self.x, self.when = x, checks.choice("when", when, ("start", "end"))

    def on_train_begin(self, logs=None) -> None:
        if not hasattr(self.model, "adapt"):
            raise TypeError(f"{type(self.model).__name__} has no `adapt`: leave the callback Adapt out.")
        if self.when == "start" and int(self.model.optimizer.iterations) == 0:
            self.model.adapt(self.x)

    def on_epoch_end(self, epoch, logs=None) -> None:
        if self.when == "end" and epoch + 1 == self.params["epochs"]:  # not when training ends: this epoch is saved
            self.model.adapt(self.x)


class ChainMixing(keras.callbacks.Callback):
    """Warns after an epoch where the chains of the prior, which samples and the gradient rest on, do not mix; adds
    their largest split R-hat to the epoch's logs as `split_r_hat`.

    Args:
        threshold: largest split R-hat without a warning.
        every: epochs between checks.
        **options: of `keras_vae.metrics.chain_diagnostics`, such as `chains` and `sweeps`.

    Raises:
        ValueError: a number out of its range.
        TypeError: no number, an unknown option; before the first step: the model has no chains.
    """

    def __init__(self, threshold: float = 1.1, every: int = 1, **options) -> None:
        super().__init__()
        self.threshold, self.every = checks.number("threshold", threshold, 1), checks.whole("every", every)
        known = inspect.signature(chain_diagnostics).parameters.keys() - {"model"}
        if options.keys() - known:
            raise TypeError(f"Unknown options {sorted(options.keys() - known)}. ChainMixing takes {sorted(known)}.")
        check_options(**options)
        self.options = options

    def on_train_begin(self, logs=None) -> None:
        if not hasattr(getattr(self.model, "prior", None), "advance"):
            raise TypeError(f"{type(self.model).__name__} draws exactly: it has no chains that could fail to mix.")

    def on_epoch_end(self, epoch, logs=None) -> None:
        if (epoch + 1) % self.every:
            return
        r_hat = chain_diagnostics(self.model, **self.options).split_r_hat
        if logs is not None:
            logs["split_r_hat"] = float(r_hat.max())
        if not r_hat.max() <= self.threshold:
            warnings.warn(
                f"Epoch {epoch + 1}: the chains of the prior do not mix; split R-hat is {r_hat.max():.2f} for latent "
                f"{r_hat.argmax()}, above {self.threshold}. Train with a smaller learning rate, and draw "
                "with more sweeps: CoupledExponentialPrior(sweeps=...).",
                RuntimeWarning,
                stacklevel=2,
            )


class ImageGrid(keras.callbacks.Callback):
    """A picture after each epoch: what the model makes of a few inputs, and samples from the prior.

    Args:
        folder: where to write `epoch-00001.png` and so on; None: nowhere.
        log_dir: folder for TensorBoard; None: nowhere.
        x: a few inputs to reconstruct, as the model takes them; None: samples only.
        samples: how many draws from the prior.
        every: epochs between pictures.
        seed: of the samples: the same latents in each picture.
        preview: None, or a function `model -> sections`, as `keras_vae.plots.picture` takes them, to draw instead.

    Raises:
        ValueError: nowhere to write to, or a number out of its range; before the first epoch: what the model makes are
            no pictures, or it wants a condition.
        ImportError: a `log_dir` without TensorBoard.
        TypeError: `preview` is no function, a folder no path, a number none.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None = None,
        log_dir: str | os.PathLike | None = None,
        x: Any = None,
        samples: int = 10,
        every: int = 1,
        seed: int | None = 0,
        preview: Callable[[Any], Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> None:
        super().__init__()
        for name, path in (("folder", folder), ("log_dir", log_dir)):
            if path is not None:
                checks.path(name, path, "the path of a folder, or None")
                if pathlib.Path(path).is_file():
                    raise ValueError(f"{name} must be a folder; {path} is a file.")
        if folder is None and log_dir is None:
            raise ValueError("Give a folder for PNG files, a log_dir for TensorBoard, or both.")
        if log_dir is not None and importlib.util.find_spec("tensorboard") is None:
            raise ImportError("log_dir needs TensorBoard, which is not installed: pip install tensorboard")
        every, samples, seed = checks.whole("every", every), checks.whole("samples", samples), checks.seed(seed)
        checks.function("preview", preview, none=True)
        self.folder, self.log_dir, self.every, self._own = folder, log_dir, every, preview is None
        self.preview = preview or functools.partial(reconstructions_and_samples, x=x, samples=samples, seed=seed)

    def on_train_begin(self, logs=None) -> None:
        if self.folder is not None:
            pathlib.Path(self.folder).mkdir(parents=True, exist_ok=True)
        if self._own:  # one's own preview may count its calls, or want a trained model
            plots.rows(self.preview(self.model))

    def on_epoch_end(self, epoch, logs=None) -> None:
        if (epoch + 1) % self.every:
            return
        image = io.BytesIO()
        plots.picture(self.preview(self.model), image, title=f"Epoch {epoch + 1}")
        if self.folder is not None:
            (pathlib.Path(self.folder) / f"epoch-{epoch + 1:05d}.png").write_bytes(image.getvalue())
        if self.log_dir is not None:
            with tf.summary.create_file_writer(str(self.log_dir)).as_default():
                tf.summary.image("image_grid", tf.io.decode_png(image.getvalue(), channels=3)[None], step=epoch + 1)


def reconstructions_and_samples(
    model: Any, x: Any = None, samples: int = 10, seed: int | None = 0
) -> dict[str, dict[str, Any]]:
    """Sections for `keras_vae.plots.picture`: inputs with their reconstructions, and draws from the prior.

    Raises:
        TypeError, ValueError: no model of keras_vae; and what its verbs refuse.
    """
    given.model(model, "reconstruct", "sample", "takes_condition")
    sections = {}
    if x is not None:
        made, shown = checks.named(model.reconstruct(x)), checks.named(x["x"] if model.takes_condition else x)
        rows = {}
        for name, images in made.items():
            rows |= {name or "data": shown[name]} if name in shown else {}
            rows[f"{name}, reconstructed".lstrip(", ")] = images
        sections["Reconstructions"] = rows
    if model.takes_condition:
        if x is None:
            raise ValueError(f"{type(model).__name__} samples given a condition: pass x with one.")
        drawn = model.sample(condition=x["condition"], seed=seed)
    else:
        drawn = model.sample(samples, seed=seed)
    sections["Samples from the prior"] = checks.named(drawn, "means")
    return sections


register(__name__)
