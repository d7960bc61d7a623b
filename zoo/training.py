"""Remaking an entry from its recipe: training that goes on after a kill, then measuring."""

import functools
import importlib.metadata
import inspect
import os
import pathlib
import platform
import re
import subprocess
import time

import keras
import numpy as np
import tensorflow as tf

from keras_vae import devices, plots
from keras_vae.zoo import entries
from keras_vae.zoo.cards import render

_CHECKPOINT = re.compile(r"epoch-(\d+)-seconds-(\d+)\.keras")


class _Checkpoint(keras.callbacks.Callback):
    """After each epoch the whole model, optimizer and all, in one file that appears complete or not at all."""

    def __init__(self, folder, seconds_before, started):
        super().__init__()
        self.folder, self.seconds_before, self.started = folder, seconds_before, started

    def on_epoch_end(self, epoch, logs=None):
        if not devices.is_chief(self.model.distribute_strategy):
            return
        seconds = self.seconds_before + int(time.monotonic() - self.started)
        temporary = self.folder / "writing.keras"
        self.model.save(temporary)
        os.replace(temporary, self.folder / f"epoch-{epoch + 1:05d}-seconds-{seconds}.keras")
        for old in _checkpoints(self.folder)[:-1]:
            old.unlink()


def _checkpoints(folder):
    return sorted(path for path in folder.glob("epoch-*.keras") if _CHECKPOINT.fullmatch(path.name))


def train(name, overrides=None, run=None, precision="float32", verbose="auto", strategy=None):
    """Trains an entry's model by its recipe, or goes on from the last finished epoch of an earlier start.

    Args:
        name: the entry.
        overrides: `{hyperparameter: value}` for the recipe's functions.
        run: folder of checkpoints; one training owns it, and all of its workers see it. None: `runs/<name>`.
        precision: Keras's dtype policy during training, "auto" for one that suits the GPU; the model returned is
            float32 in any case.
        strategy: None, or of `tf.distribute`: replicas share out every batch of the recipe, so its steps, epochs and
            learning rate hold as they are. The model returned is on one device in any case.

    Returns:
        `(model, facts)`: the trained model, and what `metrics.json` says of the training.
    """
    recipe, overrides = entries.recipe(name), dict(overrides or {})
    entries.check_overrides(recipe, overrides)
    precision = devices.precision(precision)
    _check_share(recipe, overrides, strategy)
    run = pathlib.Path(run or pathlib.Path("runs") / name)
    run.mkdir(parents=True, exist_ok=True)
    settings, asked = run / "overrides.json", entries.to_json(overrides)
    if settings.is_file() and settings.read_bytes() != asked:
        raise ValueError(
            f"{run} holds a training with other hyperparameters ({settings}). Choose another folder or delete it."
        )
    if devices.is_chief(strategy):
        entries.write_files(run, {settings.name: asked})

    keras.utils.set_random_seed(overrides.get("seed", 0))
    keras.config.set_dtype_policy(precision)
    done, seconds, found = 0, 0, _checkpoints(run)
    with devices.scope(strategy):  # of optimizers too, which have variables
        if found:
            done, seconds = map(int, _CHECKPOINT.fullmatch(found[-1].name).groups())
            model = entries.read_archive(found[-1])
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


def in_float32(recipe, overrides, model):
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


def fit_stages(model, data, stages, done=0, callbacks=(), **kwargs):
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
        for layer in part.values() if isinstance(part, dict) else [part]:
            layer.trainable = trainable


def machine():
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


def write_entry(name, model, training, target, report=None, **settings):
    """Measures a trained model by its recipe and writes the entry: archive, metrics, examples, preview, card.

    Args:
        target: the entry's folder; `recipe.py` is not touched.
        report: None, or a function called with each measurement as soon as it is made.
        **settings: arguments of the recipe's `evaluate`.
    """
    recipe, target = entries.recipe(name), pathlib.Path(target)
    model.set_weights([_rounded(weight) for weight in model.get_weights()])  # all below is of the weights that ship
    data = entries.archive_of(model)
    target.mkdir(parents=True, exist_ok=True)
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
    files = {
        entries.ARCHIVE: data,
        entries.EXAMPLES: _examples(recipe, model, inputs),
        entries.PREVIEW: _preview(recipe, model, inputs),
        entries.CARD: render(recipe, facts).encode(),
        entries.METRICS: entries.to_json(facts),
    }
    entries.write_files(target, files)
    return facts


def _rounded(weight):
    """Float32 to 10 significant bits, a relative change below 1e-3: the zeros make archives two fifths smaller."""
    if weight.dtype != np.float32:
        return weight
    return ((weight.view(np.uint32) + np.uint32(0x2000)) & np.uint32(0xFFFFC000)).view(np.float32)


def measure(recipe, model, report=None, **settings):
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


def golden_outputs(model, inputs, kind="model"):
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
        parts = value if isinstance(value, dict) else {"": value}
        flat.update({f"{key}_{part}".rstrip("_"): np.asarray(array)[:2] for part, array in parts.items()})
    return flat


def _examples(recipe, model, inputs):
    import io

    named = inputs if isinstance(inputs, dict) else {"x": inputs}
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
