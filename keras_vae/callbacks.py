"""Callbacks that every model takes."""

import functools
import importlib.util
import io
import pathlib
import warnings

import keras
import tensorflow as tf

from keras_vae import plots
from keras_vae.metrics import chain_diagnostics


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

    def variable(self):
        """The model's variable that is raised."""
        if self.modality is None:
            return self.model.beta
        if self.modality not in getattr(self.model, "modality_weights", {}):
            raise ValueError(f"The model has no modality {self.modality!r} whose weight could be raised.")
        return self.model.modality_weights[self.modality]

    def on_train_begin(self, logs=None):
        self._set()

    def on_train_batch_end(self, batch, logs=None):
        self._set()

    def _set(self):
        self.variable().assign(self.value(int(self.model.optimizer.iterations)))


class Cycles(WarmUp):
    """Repeats a warm-up: each cycle raises the weight over `steps`, then holds it (Fu et al. 2019).

    Args:
        steps: how many training steps a rise takes.
        period: steps of a whole cycle, at least `steps`.
        cycles: after so many the weight stays at `target`.
        **kwargs: further arguments of `WarmUp`; `delay` comes once, before the first cycle.
    """

    def __init__(self, steps, period, cycles=4, **kwargs):
        super().__init__(steps, **kwargs)
        if period < steps or cycles < 1:
            raise ValueError(f"period must be at least steps and cycles at least 1; got {period} and {cycles}.")
        self.period, self.cycles = period, cycles

    def value(self, step):
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
    """

    def __init__(self, steps, target, start=0.0, delay=0):
        super().__init__(steps, target, start, delay)

    def variable(self):
        capacity = getattr(self.model.objective, "capacity", None)
        if capacity is None:
            raise ValueError(
                f"The objective {type(self.model.objective).__name__} holds no capacity: give the model "
                "objective=keras_vae.objectives.Capacity(beta=100)."
            )
        return capacity


class Adapt(keras.callbacks.Callback):
    """Calls `model.adapt(x)` when a training starts; not when it goes on."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def on_train_begin(self, logs=None):
        if int(self.model.optimizer.iterations) == 0:
            self.model.adapt(self.x)


class ChainMixing(keras.callbacks.Callback):
    """Warns after an epoch where the chains of the prior, which samples and the gradient rest on, do not mix; adds
    their largest split R-hat to the epoch's logs as `split_r_hat`.

    Args:
        threshold: largest split R-hat without a warning.
        every: epochs between checks.
        **options: of `keras_vae.metrics.chain_diagnostics`, such as `chains` and `sweeps`.
    """

    def __init__(self, threshold=1.1, every=1, **options):
        super().__init__()
        if threshold <= 1.0 or every < 1:
            raise ValueError(f"threshold must be above 1 and every at least 1; got {threshold} and {every}.")
        self.threshold, self.every, self.options = threshold, every, options

    def on_train_begin(self, logs=None):
        if not hasattr(self.model.prior, "advance"):
            raise TypeError(f"{type(self.model).__name__} draws exactly: it has no chains that could fail to mix.")

    def on_epoch_end(self, epoch, logs=None):
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
    """

    def __init__(self, folder=None, log_dir=None, x=None, samples=10, every=1, seed=0, preview=None):
        super().__init__()
        if folder is None and log_dir is None:
            raise ValueError("Give a folder for PNG files, a log_dir for TensorBoard, or both.")
        if log_dir is not None and importlib.util.find_spec("tensorboard") is None:
            raise ImportError("log_dir needs TensorBoard, which is not installed: pip install tensorboard")
        if every < 1:
            raise ValueError(f"every must be at least 1; got {every}.")
        self.folder, self.log_dir, self.every = folder, log_dir, every
        self.preview = preview or functools.partial(reconstructions_and_samples, x=x, samples=samples, seed=seed)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        image = io.BytesIO()
        plots.picture(self.preview(self.model), image, title=f"Epoch {epoch + 1}")
        if self.folder is not None:
            folder = pathlib.Path(self.folder)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"epoch-{epoch + 1:05d}.png").write_bytes(image.getvalue())
        if self.log_dir is not None:
            with tf.summary.create_file_writer(str(self.log_dir)).as_default():
                tf.summary.image("image_grid", tf.io.decode_png(image.getvalue(), channels=3)[None], step=epoch + 1)


def reconstructions_and_samples(model, x=None, samples=10, seed=0):
    """Sections for `keras_vae.plots.picture`: inputs with their reconstructions, and draws from the prior."""
    sections = {}
    if x is not None:
        given, made = x["x"] if model.takes_condition else x, model.reconstruct(x)
        given, made = ({"": data} if not isinstance(data, dict) else data for data in (given, made))
        rows = {}
        for name, images in made.items():
            rows |= {name or "data": given[name]} if name in given else {}
            rows[f"{name}, reconstructed".lstrip(", ")] = images
        sections["Reconstructions"] = rows
    if model.takes_condition:
        if x is None:
            raise ValueError(f"{type(model).__name__} samples given a condition: pass x with one.")
        drawn = model.sample(x["condition"], seed=seed)
    else:
        drawn = model.sample(samples, seed=seed)
    sections["Samples from the prior"] = drawn if isinstance(drawn, dict) else {"means": drawn}
    return sections
