"""Entries as folders: found, verified, loaded, and written whole or not at all."""

import difflib
import hashlib
import importlib.util
import inspect
import json
import math
import os
import pathlib
import re
from dataclasses import replace

from keras_vae.zoo import judges
from keras_vae.zoo.recipe import KINDS, Recipe

ROOT = pathlib.Path(__file__).parent
ARCHIVE, METRICS, TRAININGS, CARD, PREVIEW, EXAMPLES, RECIPE = (
    "model.keras",
    "metrics.json",
    "trainings.json",
    "README.md",
    "preview.png",
    "examples.npz",
    "recipe.py",
)


def names(kind="model"):
    """Names of the entries that can be loaded, sorted.

    Args:
        kind: "model" for latent-variable models, "classifier" for the judges of coherence, None for both.
    """
    made = [name for name in recipes() if all((ROOT / name / file).is_file() for file in (ARCHIVE, METRICS))]
    return [name for name in made if kind is None or kind == recipe(name).kind]


def recipes():
    """Names of all entries that can be trained, sorted: those of `names(None)`, and those with a recipe alone."""
    return sorted(path.parent.name for path in ROOT.glob(f"*/{RECIPE}"))


def folder(name):
    """Folder of an entry: of a name in the zoo, or a `pathlib.Path` of one's own.

    Raises:
        ValueError: unknown name, or a name with a path in it.
        FileNotFoundError: no such folder.
        TypeError: neither a string nor a path.
    """
    if isinstance(name, pathlib.PurePath):
        if not (pathlib.Path(name) / ARCHIVE).is_file():
            raise FileNotFoundError(f"There is no {ARCHIVE} in {name}. keras_vae.zoo.save(model, folder) writes one.")
        return pathlib.Path(name)
    if not isinstance(name, str):
        raise TypeError(f"An entry is given by its name or by a pathlib.Path; got {type(name).__name__}.")
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise ValueError(
            f"{name!r} is not the name of an entry: names hold letters, digits and underscores. "
            "For a folder of your own pass a pathlib.Path."
        )
    if not (ROOT / name / RECIPE).is_file():
        every = recipes()
        near = difflib.get_close_matches(name, every, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise ValueError(f"Unknown entry {name!r}. {hint}There are: {', '.join(every)}.")
    return ROOT / name


def recipe(name: str) -> Recipe:
    """How an entry is made: the `RECIPE` of its `recipe.py`. This does not import TensorFlow."""
    path = folder(name) / RECIPE
    spec = importlib.util.spec_from_file_location(f"keras_vae.zoo.{name}.recipe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return replace(module.RECIPE, doc=inspect.cleandoc(module.__doc__))


def metrics(name):
    """What was measured of an entry, and where its weights come from: the contents of `metrics.json`."""
    return json.loads(existing(folder(name) / METRICS).read_text())


def trainings(name):
    """Other trainings of an entry, with other seeds and hyperparameters, as measured by `benchmarks/trainings.py`."""
    path = ROOT / name / TRAININGS
    return json.loads(path.read_text()) if path.is_file() else []


def examples(name):
    """A few inputs that ship with an entry, float32, as the model takes them: images in [0, 1], vectors as they are."""
    import numpy as np

    with np.load(existing(folder(name) / EXAMPLES)) as stored:
        inputs = {key.removeprefix("input_"): as_floats(stored[key]) for key in stored if key.startswith("input_")}
    return inputs["x"] if set(inputs) == {"x"} else inputs


def as_floats(data):
    """Float32 of data, or of a dict of them: 8-bit images, kept as integers, are brought to [0, 1]."""
    if isinstance(data, dict):
        return {name: as_floats(part) for name, part in data.items()}
    return data.astype("float32") / (255 if data.dtype == "uint8" else 1)


def load(name, weights=True):
    """A model of the zoo, compiled, as a `keras.Model`.

    Args:
        name: one of `names()`, or a `pathlib.Path` of a folder that `save` wrote.
        weights: False for fresh weights: the recipe's model, as it was before training.

    Raises:
        ValueError: unknown name (the message names the nearest), a name with a path in it, or a damaged archive.
        FileNotFoundError: the archive is missing.
    """
    source = folder(name)
    if not weights:
        return call_with(recipe(name).model)
    verify(source)
    import keras

    # Archives hold no optimizer: its state would triple them. The learning rate is one for fine-tuning.
    model = read_archive(source / ARCHIVE, compile=False)
    kind = metrics(name).get("kind", "model")
    model.compile(keras.optimizers.Adam(1e-4), **(judges.objective() if kind == "classifier" else {}))
    return model


def read_archive(path, compile=True):
    """A model from Keras's archive, the classes of this package being known."""
    import keras

    import keras_vae.models  # noqa: F401  registers the classes that archives name

    return keras.models.load_model(path, compile=compile)


def verify(source):
    """Refuses an archive that is missing or not the one that was measured."""
    archive = existing(source / ARCHIVE)
    expected = json.loads(existing(source / METRICS).read_text())["archive"]["sha256"]
    if sha256(archive.read_bytes()) != expected:
        raise ValueError(
            f"{archive} is damaged: its SHA-256 is not the one in {METRICS}. Reinstall keras_vae, or remake it: "
            f"keras-vae train {source.name}"
        )


def existing(path):
    """The path of an entry's file; an entry with a recipe alone, and a damaged one, lack it."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Reinstall keras_vae, or make the entry: keras-vae train {path.parent.name}"
        )
    return path


def save(model, target, *, kind="model"):
    """Writes a model of your own as an entry that `load(pathlib.Path(folder))` reads.

    Args:
        model: a built `keras.Model`. Its optimizer's state is left out.
        target: the folder; made if it is not there.
        kind: "model" for a latent-variable model; "classifier" for one of labels, which gives logits.

    Raises:
        ValueError: an unknown kind, or a model without weights.
        TypeError: of kind "model", and no `keras_vae.LatentVariableModel`.
    """
    from keras_vae.models import LatentVariableModel

    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}; got {kind!r}.")
    if kind == "model" and not isinstance(model, LatentVariableModel):
        raise TypeError(
            f"{type(model).__name__} is no keras_vae.LatentVariableModel. Save a classifier with kind='classifier'."
        )
    data = archive_of(model, small=False)
    facts = {"kind": kind, "archive": archive_facts(data), **model_facts(model, kind)}
    write_files(pathlib.Path(target), {ARCHIVE: data, METRICS: to_json(facts)})


def archive_of(model, small=True):
    """The bytes of a model's archive, without an optimizer.

    Args:
        small: compress it by LZMA. Rounded weights shrink, others hardly do; loading takes twice as long.
    """
    import tempfile

    if not model.built:
        raise ValueError("The model has no weights yet: fit or build it before saving.")
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(temporary) / ARCHIVE
        model.save(path)
        read_archive(path, compile=False).save(path)
        return _compressed(path.read_bytes()) if small else path.read_bytes()


def _compressed(archive):
    """The same archive, compressed without loss to little over half of its size, read by Keras as ever."""
    import io
    import zipfile

    import h5py

    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(packed, "w", compression=zipfile.ZIP_LZMA) as target,
    ):
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(".h5"):
                weights = io.BytesIO()
                with h5py.File(io.BytesIO(data)) as old, h5py.File(weights, "w") as new:
                    new.attrs.update(old.attrs)
                    old.visititems(lambda path, item, new=new: _copy_shuffled(path, item, new))
                data = weights.getvalue()
            target.writestr(zipfile.ZipInfo(name), data, compress_type=zipfile.ZIP_LZMA)
    return packed.getvalue()


def _copy_shuffled(path, item, new):
    """Copies an item, the first bytes of all numbers before the second ones: rounded weights then compress better."""
    if hasattr(item, "shape"):
        options = {"shuffle": True, "chunks": item.shape} if item.size > 64 else {}
        copy = new.create_dataset(path, data=item[()], **options)
    else:
        copy = new.require_group(path)
    copy.attrs.update(item.attrs)


def archive_facts(data):
    """What `metrics.json` says of an archive."""
    return {"sha256": sha256(data), "bytes": len(data)}


def model_facts(model, kind):
    """What `metrics.json` says of a built model of this kind."""
    latents = latents_of(model) if kind == "model" else {}
    return {"model": type(model).__name__, **latents, "parameters": model.count_params()}


def latents_of(model):
    """How many latents a built latent-variable model has, and where they are codes, out of how many: `{"latents": 49,
    "codes": 512}`."""
    codes = getattr(model, "codes", None)  # of its codebook
    return {"latents": math.prod(model.latent_shape()), **({"codes": codes} if codes else {})}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def to_json(value):
    return (json.dumps(value, indent=2) + "\n").encode()


def write_files(target, files):
    """Writes `{file name: bytes}` into a folder: each appears whole, once all are on disk."""
    target.mkdir(parents=True, exist_ok=True)
    staged = {name: target / f".{name}.{os.getpid()}.tmp" for name in files}
    try:
        for name, data in files.items():
            with open(staged[name], "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for name, temporary in staged.items():
            os.replace(temporary, target / name)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def call_with(function, overrides=None, **fixed):
    """Calls a recipe's function with those overrides that it takes as arguments."""
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in (overrides or {}).items() if name in known}, **fixed)


def stages(recipe, overrides=None):
    """What a recipe's `training` returns, as a list of plans, one a stage: `{"compile": arguments of compile, "frozen":
    parts left alone, "settings": `{"objective.samples": 5}` and the like, ...}`, the rest being arguments of `fit`."""
    plans = call_with(recipe.training, overrides)
    return plans if isinstance(plans, list) else [plans]


def check_overrides(recipe, overrides):
    """Refuses overrides that no function of a recipe takes."""
    functions = (recipe.model, recipe.data_of, recipe.training)
    known = {name for function in functions for name in inspect.signature(function).parameters}
    unknown = set(overrides) - known
    if unknown:
        raise ValueError(f"The recipe has no {sorted(unknown)}. Its hyperparameters: {sorted(known)}.")
