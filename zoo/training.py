"""Remaking an entry from its recipe: training that goes on after a kill, then measuring."""

import contextlib
import functools
import importlib.metadata
import inspect
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import checks, devices, plots
from keras_vae.zoo import entries, files
from keras_vae.zoo.archives import check_finite
from keras_vae.zoo.cards import render

_CHECKPOINT = re.compile(r"epoch-(\d+)-seconds-(\d+)\.keras")


_GOES_ON = "Make room, or mend that, and give the same command: it goes on from the last finished epoch."


class _Checkpoint(keras.callbacks.Callback):
    """After each epoch the whole model, optimizer and all, in one file that appears complete or not at all. An epoch
    that ends in NaN leaves none; the last two are kept."""

    def __init__(self, folder, seconds_before, started):
        super().__init__()
        self.folder, self.seconds_before, self.started = folder, seconds_before, started

    def on_epoch_end(self, epoch, logs=None):
        if not devices.is_chief(self.model.distribute_strategy):
            return
        self.check(epoch, logs or {})
        seconds = self.seconds_before + int(time.monotonic() - self.started)
        temporary = self.folder / "writing.keras"
        with files.disk(self.folder, _GOES_ON):
            try:
                self.model.save(temporary)
                files.settle(temporary, self.folder / f"epoch-{epoch + 1:05d}-seconds-{seconds}.keras")
            finally:
                temporary.unlink(missing_ok=True)
            for old in _checkpoints(self.folder)[:-2]:
                old.unlink()

    def check(self, epoch, logs):
        """Refuses to save an epoch of NaN.

        Raises:
            FloatingPointError: a loss or a weight is NaN or infinite.
        """
        bad = [f"{name} {float(value)}" for name, value in logs.items() if not np.isfinite(value)]
        try:
            check_finite(self.model, "The model")
        except ValueError as error:
            bad.append(str(error).rstrip("."))
        if bad:
            kept = _checkpoints(self.folder)
            raise FloatingPointError(
                f"Epoch {epoch + 1} ended with {', '.join(bad)}. It was not saved"
                + (f"; {kept[-1]} is the last good one. " if kept else ". ")
                + "Lower the learning rate, clip gradients (clipnorm=), or check the scale of the likelihood, and "
                "train in another folder: --run."
            )


def _checkpoints(folder):
    return sorted(path for path in folder.glob("epoch-*.keras") if _CHECKPOINT.fullmatch(path.name))


def _last(run, chief):
    """`(checkpoint, model)` of the last epoch that can be read, or None; later ones are set aside, with a warning.

    Raises:
        ValueError: there are checkpoints, and none can be read.
    """
    damaged = {}
    for path in reversed(_checkpoints(run)):
        try:
            model = entries.read_archive(path)
        except ValueError as error:
            damaged[path] = error
            continue
        for each, error in damaged.items() if chief else ():
            aside = each.with_name(f"{each.name}.damaged")
            os.replace(each, aside)
            warnings.warn(f"{error} It is set aside ({aside.name}); training goes on from {path.name}.", stacklevel=3)
        return path, model
    if damaged:
        raise ValueError(f"{next(iter(damaged.values()))} No other checkpoint is left: delete {run} to begin anew.")
    return None


def train(name, overrides=None, run=None, precision="float32", verbose="auto", strategy=None) -> Any:
    """Trains an entry's model by its recipe, or goes on from the last finished epoch of an earlier start.

    Args:
        name: the entry.
        overrides: `{hyperparameter: value}` for the recipe's functions.
        run: folder of checkpoints; one training owns it, and all of its workers see it. None: `runs/<name>`. Before its
            first checkpoint it binds nothing, afterwards the overrides.
        precision: Keras's dtype policy during training, "auto" for one that suits the GPU; the model returned is
            float32 in any case.
        strategy: None, or of `tf.distribute`: replicas share out every batch of the recipe, so its steps, epochs and
            learning rate hold as they are. The model returned is on one device in any case.

    Returns:
        `(model, facts)`: the trained model, and what `metrics.json` says of the training.

    Raises:
        ValueError: overrides that the recipe does not take, or others than those of the folder's checkpoints; or no
            checkpoint can be read.
        FloatingPointError: an epoch ended in NaN. It was not saved; the one before was.
        RuntimeError: another training has the folder, or a worker was lost.
        OSError: the disk is full, the folder read-only, or the like.
    """
    recipe, overrides = entries.recipe(name), dict(overrides or {})
    entries.check_overrides(recipe, overrides)
    precision = devices.precision(precision)
    _check_share(recipe, overrides, strategy)
    run = pathlib.Path(run or pathlib.Path("runs") / name)
    chief = devices.is_chief(strategy)
    with files.disk(run, _GOES_ON):
        run.mkdir(parents=True, exist_ok=True)
    with files.owned(run) if chief else contextlib.nullcontext():
        return _train(name, recipe, overrides, run, precision, verbose, strategy, chief)


def _train(name, recipe, overrides, run, precision, verbose, strategy, chief):
    settings, asked = run / "overrides.json", entries.to_json(overrides)
    if _checkpoints(run) and settings.is_file() and settings.read_bytes() != asked:
        raise ValueError(
            f"{run} holds a training with other hyperparameters ({settings}). Choose another folder or delete it."
        )
    if chief:
        entries.write_files(run, {settings.name: asked})

    keras.utils.set_random_seed(overrides.get("seed", 0))
    keras.config.set_dtype_policy(precision)
    done, seconds = 0, 0
    with devices.scope(strategy):  # of optimizers too, which have variables
        if last := _last(run, chief):
            checkpoint, model = last
            done, seconds = map(int, _CHECKPOINT.fullmatch(checkpoint.name).groups())
        else:
            model = entries.call_with(recipe.model, overrides)
        plan = entries.stages(recipe, overrides)
    # After a resumption the seed differs, or its epochs would repeat the first ones' order and noise.
    data = entries.call_with(recipe.data_of, {**overrides, "seed": overrides.get("seed", 0) + done})
    started = time.monotonic()
    try:
        fit_stages(model, _by_rows(data), plan, done, callbacks=[_Checkpoint(run, seconds, started)], verbose=verbose)
    except tf.errors.UnavailableError as error:
        raise RuntimeError("A worker was lost. Start all of them again: they go on from the last epoch.") from error
    except (OSError, FloatingPointError):
        if verbose:
            print(flush=True)  # the progress bar has left its line open
        raise
    seconds += int(time.monotonic() - started)
    model = in_float32(recipe, overrides, model)
    replicas = devices.replicas(strategy)
    options = {
        "--precision": precision if precision != "float32" else None,
        "--devices": replicas if replicas > 1 and devices.workers() == 1 else None,
    }
    command = " ".join(f"{option} {value}" for option, value in options.items() if value)
    facts = {
        "command": f"keras-vae train {name} {command}".strip(),
        "overrides": overrides,
        "epochs": sum(stage["epochs"] for stage in plan),
        "seconds": seconds,
        **({"replicas": replicas} if replicas > 1 else {}),
        **machine(),
    }
    return model, facts


def in_float32(recipe, overrides, model) -> Any:
    """A trained model as one of the policy float32, which is the global one again afterwards, and on one device."""
    trained_in = keras.config.dtype_policy().name
    keras.config.set_dtype_policy("float32")
    if trained_in == "float32" and model.distribute_strategy is tf.distribute.get_strategy():
        return model
    made = entries.call_with(recipe.model, overrides)
    made.set_weights(model.get_weights())
    made.compile(**entries.stages(recipe, overrides)[-1]["compile"])
    return made


def _check_share(recipe, overrides, strategy):
    """Refuses a batch that replicas cannot share out evenly: workers would take some examples twice."""
    replicas = devices.replicas(strategy)
    default = inspect.signature(recipe.data_of).parameters.get("batch_size")
    batch_size = overrides.get("batch_size", default and default.default) or replicas
    if batch_size % replicas:
        raise ValueError(
            f"A batch of {batch_size} cannot be shared out evenly among {replicas} devices. Choose another number of "
            'them, or another batch: --set with {"batch_size": ...}.'
        )


def _by_rows(data):
    """The data set, of which workers take turns in the rows of each batch: all make it, with the same seed."""
    if not isinstance(data, tf.data.Dataset):
        return data
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return data.with_options(options)


def fit_stages(model, data, stages, done=0, callbacks=(), **kwargs) -> Any:
    """Fits a model stage after stage; epochs are counted through.

    Args:
        stages: as `entries.stages` returns them.
        done: epochs that the model has behind it; amid a stage it comes compiled.
        callbacks: added to each stage's own.
        **kwargs: further arguments of each `fit`.

    Returns:
        The `History` of the last fit, or None where all was done.
    """
    history, end = None, 0
    for stage in stages:
        first, end = end, end + stage["epochs"]
        if done < end:
            _set_trainable(model, stage, False)
            for path, value in stage.get("settings", {}).items():
                *parts, attribute = path.split(".")
                setattr(functools.reduce(getattr, parts, model), attribute, value)
            if done <= first:
                with model.distribute_strategy.scope():
                    model.compile(**stage["compile"])
            if model.distribute_strategy.num_replicas_in_sync > 1:
                # On replicas Keras 3.15 fails at several steps a call, and TensorFlow at XLA.
                model.steps_per_execution, model.jit_compile = 1, False
            fit = {key: value for key, value in stage.items() if key not in ("compile", "frozen", "settings")}
            fit |= {"initial_epoch": max(done, first), "epochs": end, **kwargs}
            history = model.fit(data, **{**fit, "callbacks": [*fit.pop("callbacks", ()), *callbacks]})
        _set_trainable(model, stage, True)
    return history


def _set_trainable(model, stage, trainable):
    for name in stage.get("frozen", ()):
        part = getattr(model, name)
        for layer in checks.named(part).values():
            layer.trainable = trainable


def machine() -> dict[str, Any]:
    """What a measurement was made with."""
    packages = ("keras_vae", "tensorflow", "keras", "tensorflow-probability", "numpy")
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return {
        "device": ", ".join(details) or f"{platform.machine()} CPU, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "commit": _commit(),
    }


def _commit():
    """The commit of the code, where it runs from a repository."""
    command = ["git", "-C", str(entries.ROOT), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def write_entry(name, model, training, target, report=None, archive=None, **settings) -> Any:
    """Measures a trained model by its recipe and writes the entry, all in one step: archive, metrics, examples,
    preview, card.

    Args:
        target: the entry's folder; `recipe.py` is not touched.
        report: None, or a function called with each measurement as soon as it is made.
        archive: the bytes that the model was loaded from, which stay where its weights are those that ship.
        **settings: arguments of the recipe's `evaluate`.

    Raises:
        OSError: the disk is full, the folder read-only, or the like; what was there before is still there.
    """
    recipe, target = entries.recipe(name), pathlib.Path(target)
    weights = model.get_weights()
    rounded = [_rounded(weight) for weight in weights]
    model.set_weights(rounded)  # all below is of the weights that ship
    same = all(map(np.array_equal, weights, rounded))
    data = archive if archive is not None and same else entries.archive_of(model)
    with files.disk(target, "Mend that, or choose another folder, and do the same again."):  # before hours of measuring
        target.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target).close()
    started = time.monotonic()
    # On the data that it was trained on, if the recipe knows several; but seeds of training are not those of evaluation
    chosen = {key: value for key, value in training["overrides"].items() if key != "seed"}
    measured = measure(recipe, model, report, **{**chosen, **settings})
    facts = {
        "entry": name,
        "kind": recipe.kind,
        "title": recipe.title,
        "data": chosen.get("dataset", recipe.data),
        "headline": recipe.headline,
        **entries.model_facts(model, recipe.kind),
        "archive": entries.archive_facts(data),
        "metrics": measured,
        "training": training,
        "evaluation": {
            "command": f"keras-vae evaluate {name}",
            "seconds": int(time.monotonic() - started),
            **machine(),
        },
    }
    inputs = entries.call_with(recipe.examples, chosen)
    made = {
        entries.ARCHIVE: data,
        entries.EXAMPLES: _examples(recipe, model, inputs),
        entries.PREVIEW: _preview(recipe, model, inputs),
        entries.CARD: render(recipe, facts).encode(),
        entries.METRICS: entries.to_json(facts),
    }
    entries.write_files(target, made)
    return facts


def _rounded(weight):
    """Float32 to 10 significant bits, a relative change below 1e-3: the zeros make archives two fifths smaller."""
    if weight.dtype != np.float32:
        return weight
    return ((weight.view(np.uint32) + np.uint32(0x2000)) & np.uint32(0xFFFFC000)).view(np.float32)


def measure(recipe, model, report=None, **settings) -> list[dict[str, Any]]:
    """The recipe's measurements as `metrics.json` holds them.

    Args:
        report: None, or a function called with each row as soon as it is measured.
        **settings: arguments of the recipe's `evaluate`.
    """
    rows = []
    for name, estimate, split in entries.call_with(recipe.evaluate, settings, model=model):
        value = {field: part for field, part in estimate._asdict().items() if part is not None}
        rows.append({"name": name, **value, "split": split, "seed": settings.get("seed", 0)})
        if report is not None:
            report(rows[-1])
    return rows


def golden_outputs(model, inputs, kind="model") -> dict[str, Any]:
    """What the weights of an entry of this kind are remembered by: float32 arrays of a few deterministic outputs."""
    if kind == "classifier":
        return {"logits": np.asarray(model(inputs, training=False))}
    outputs = {
        "embedding": model.embed(inputs),
        "reconstruction": model.reconstruct(inputs),
        "sample": model.sample(condition=inputs["condition"], seed=0)
        if model.takes_condition
        else model.sample(2, seed=0),
    }
    flat = {}
    for key, value in outputs.items():
        parts = checks.named(value)
        flat.update({f"{key}_{part}".rstrip("_"): np.asarray(array)[:2] for part, array in parts.items()})
    return flat


def _examples(recipe, model, inputs):
    import io

    named = checks.named(inputs, "x")
    golden = golden_outputs(model, entries.as_floats(inputs), recipe.kind)
    buffer = io.BytesIO()
    stored = {f"input_{name}": array for name, array in named.items()}
    np.savez_compressed(
        buffer, **stored, **{f"golden_{name}": array.astype("float32") for name, array in golden.items()}
    )
    return buffer.getvalue()


def _preview(recipe, model, inputs):
    import io

    buffer = io.BytesIO()
    plots.write(recipe.preview(model, entries.as_floats(inputs)), buffer, title=recipe.title)
    return buffer.getvalue()
