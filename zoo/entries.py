"""Entries as folders: found, verified, loaded, and written whole or not at all."""

import difflib
import importlib.util
import inspect
import json
import math
import os
import pathlib
import re
from dataclasses import replace
from typing import Any

from keras_vae import checks
from keras_vae.zoo import files, judges
from keras_vae.zoo.archives import archive_of, load_arrays, read_archive, sha256
from keras_vae.zoo.files import write_files
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


def names(kind="model") -> list[str]:
    """Names of the entries that can be loaded, sorted.

    Args:
        kind: "model" for latent-variable models, "classifier" for the judges of coherence, None for both.

    Raises:
        TypeError, ValueError: another kind.
    """
    kind = None if kind is None else checks.choice("kind", kind, KINDS)
    made = [name for name in recipes() if all(files.found(ROOT / name, file) for file in (ARCHIVE, METRICS))]
    return [name for name in made if kind is None or kind == recipe(name).kind]


def recipes() -> list[str]:
    """Names of all entries that can be trained, sorted: those of `names(None)`, and those with a recipe alone."""
    return sorted(path.parent.name for path in ROOT.glob(f"*/{RECIPE}"))


def folder(name) -> Any:
    """Folder of an entry: of a name in the zoo, or a `pathlib.Path` of one's own.

    Raises:
        ValueError: unknown name, or a name with a path in it.
        FileNotFoundError: no such folder.
        TypeError: neither a string nor a path.
    """
    if isinstance(name, pathlib.PurePath):
        checks.path("name", name, "the path of a folder")
        if not files.found(pathlib.Path(name), ARCHIVE):
            raise FileNotFoundError(f"There is no {ARCHIVE} in {name}. keras_vae.zoo.save(model, folder) writes one.")
        return pathlib.Path(name)
    if not isinstance(name, str):
        raise TypeError(f"An entry is given by its name or by a pathlib.Path; got {type(name).__name__}.")
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise ValueError(
            f"{checks.told(name)} is not the name of an entry: names hold letters, digits and underscores. "
            "For a folder of your own pass a pathlib.Path."
        )
    if not (ROOT / name / RECIPE).is_file():
        every = recipes()
        near = difflib.get_close_matches(name, every, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(map(repr, near))}? `names()` has all." if near else f"There are: {every}."
        raise ValueError(f"Unknown entry {checks.told(name)}. {hint}")
    return ROOT / name


def recipe(name: str | os.PathLike, recipe: bool = False) -> Recipe:
    """How an entry is made: the `RECIPE` of its `recipe.py`. This does not import TensorFlow.

    Args:
        name: an entry, or a `pathlib.Path` of a folder of one's own.
        recipe: True runs the `recipe.py` of a folder of one's own, which is Python: only if you trust who wrote it.

    Raises:
        ValueError: a folder of one's own without `recipe=True`; unknown name; or a `recipe.py` that holds no recipe.
        FileNotFoundError: there is no `recipe.py`.
    """
    source = folder(name)
    if not checks.flag("recipe", recipe) and not isinstance(name, str):
        raise ValueError(
            f"{source / RECIPE} is Python, and is not run unasked. If you trust who wrote it: recipe=True."
        )
    path = existing(source, RECIPE)
    spec = importlib.util.spec_from_file_location(f"keras_vae.zoo.{source.name}.recipe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not isinstance(getattr(module, "RECIPE", None), Recipe):
        raise ValueError(f"{path} must name a keras_vae.zoo.Recipe: RECIPE = Recipe(...).")
    return replace(module.RECIPE, doc=inspect.cleandoc(module.__doc__ or ""))


def metrics(name: str | os.PathLike) -> dict[str, Any]:
    """What was measured of an entry, and where its weights come from: the contents of `metrics.json`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged.
    """
    return _facts(folder(name))


def _facts(source):
    """The contents of `metrics.json`, as far as loading rests on them."""
    data = read(source, METRICS)
    try:
        facts = json.loads(data)
        known = facts.get("kind", "model") in KINDS and isinstance(facts["archive"]["sha256"], str)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        known = False
    if not known:
        raise ValueError(f"{source / METRICS} is damaged: it does not say which {ARCHIVE} it is of. {_remade(source)}")
    return facts


def trainings(name) -> list[dict[str, Any]]:
    """Other trainings of an entry, with other seeds and hyperparameters, as measured by `benchmarks/trainings.py`."""
    return json.loads(files.read(ROOT / name, TRAININGS)) if files.found(ROOT / name, TRAININGS) else []


def examples(name) -> Any:
    """A few inputs that ship with an entry, float32, as the model takes them: images in [0, 1], vectors as they are.

    Raises:
        FileNotFoundError: it has none.
        ValueError: they are damaged.
    """
    source = folder(name)
    stored = load_arrays(read(source, EXAMPLES), str(source / EXAMPLES))
    if not isinstance(stored, dict) or not any(key.startswith("input_") for key in stored):
        raise ValueError(f"{source / EXAMPLES} holds no inputs. {_remade(source, EXAMPLES)}")
    inputs = {key.removeprefix("input_"): as_floats(stored[key]) for key in stored if key.startswith("input_")}
    return inputs["x"] if set(inputs) == {"x"} else inputs


def as_floats(data) -> Any:
    """Float32 of data, or of a dict of them: 8-bit images, kept as integers, are brought to [0, 1]."""
    if isinstance(data, dict):
        return {name: as_floats(part) for name, part in data.items()}
    return data.astype("float32") / (255 if data.dtype == "uint8" else 1)


def load(name: str | os.PathLike, weights: bool = True, *, recipe: bool = False) -> Any:
    """A model of the zoo, compiled, as a `keras.Model`. It is data: nothing of a folder runs.

    Args:
        name: one of `names()`, or a `pathlib.Path` of a folder that `save` wrote.
        weights: False for fresh weights: the recipe's model, as it was before training.
        recipe: True runs the `recipe.py` of a folder of one's own, which fresh weights need. See `recipe`.

    Raises:
        ValueError: unknown name (the message names the nearest), a name with a path in it, an archive that is damaged
            or holds code or weights that are NaN or infinite, or fresh weights of a folder without `recipe=True`.
        FileNotFoundError: the archive is missing.
        TypeError: weights or recipe are neither True nor False.
    """
    source, recipe = folder(name), checks.flag("recipe", recipe)
    if not checks.flag("weights", weights):
        return call_with(_recipe(name, recipe).model)
    data, facts = checked(source)
    import keras

    from keras_vae.models import LatentVariableModel

    # Archives hold no optimizer: its state would triple them. The learning rate is one for fine-tuning.
    model = read_archive(data, compile=False, name=str(source / ARCHIVE))
    kind = facts.get("kind", "model")
    if isinstance(model, LatentVariableModel) != (kind == "model"):
        raise ValueError(f"{source / METRICS} says that the model is a {kind}; it is a {type(model).__name__}.")
    model.compile(keras.optimizers.Adam(1e-4), **(judges.objective() if kind == "classifier" else {}))
    return model


_recipe = recipe  # where an argument has its name


def checked(source: pathlib.Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a folder's archive and the contents of its `metrics.json`, which belong together.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: the archive is not the one that was measured.
    """
    for _ in range(2):  # again, should they be exchanged in between
        facts, data = _facts(source), read(source, ARCHIVE)
        if sha256(data) == facts["archive"]["sha256"]:
            return data, facts
    raise ValueError(f"{source / ARCHIVE} is damaged: its SHA-256 is not the one in {METRICS}. {_remade(source)}")


def _remade(source, name=ARCHIVE):
    """What to do about a folder whose file of that name is damaged or missing."""
    if source.parent == ROOT:
        return f"Reinstall keras_vae, or make the entry: keras-vae train {source.name}"
    if name in (ARCHIVE, METRICS):
        return "Write the folder anew: keras_vae.zoo.save(model, folder)."
    return f"keras_vae.zoo.save writes {ARCHIVE} and {METRICS} alone, `keras-vae train` all files but {RECIPE}."


def existing(source: pathlib.Path, name: str) -> pathlib.Path:
    """The path of an entry's file; an entry with a recipe alone, and a damaged one, lack it.

    Raises:
        FileNotFoundError: it does; the message says how to make it.
    """
    if not files.found(source, name):
        raise FileNotFoundError(f"{source / name} is missing. {_remade(source, name)}")
    return source / name


def read(source: pathlib.Path, name: str) -> bytes:
    """The contents of an entry's file.

    Raises:
        FileNotFoundError: as `existing`.
    """
    existing(source, name)
    return files.read(source, name)


def save(model: Any, target: str | os.PathLike, *, kind: str = "model") -> None:
    """Writes a model of your own as an entry that `load(pathlib.Path(folder))` reads. The same model gives the same
    bytes. Over another entry: at every moment the old one or the new one loads, whatever kills this.

    Args:
        model: a built `keras.Model`. Its optimizer's state is left out.
        target: the folder; made if it is not there.
        kind: "model" for a latent-variable model; "classifier" for one of labels, which gives logits.

    Raises:
        ValueError: an unknown kind, or a model without weights, or with some that are NaN or infinite.
        TypeError: of kind "model", and no `keras_vae.LatentVariableModel`; or a target that is no path.
        OSError: the disk is full, the folder read-only, or the like.
    """
    from keras_vae.models import LatentVariableModel

    checks.choice("kind", kind, KINDS)
    if kind == "model" and not isinstance(model, LatentVariableModel):
        raise TypeError(
            f"model must be a keras_vae.LatentVariableModel; got {checks.told(model)}. Save a classifier with "
            "kind='classifier'."
        )
    checks.path("target", target, "the path of a folder")
    data = archive_of(model, small=False)
    facts = {"kind": kind, "archive": archive_facts(data), **model_facts(model, kind)}
    write_files(pathlib.Path(target), {ARCHIVE: data, METRICS: to_json(facts)})


def archive_facts(data) -> dict[str, Any]:
    """What `metrics.json` says of an archive."""
    return {"sha256": sha256(data), "bytes": len(data)}


def model_facts(model, kind) -> dict[str, Any]:
    """What `metrics.json` says of a built model of this kind."""
    latents = latents_of(model) if kind == "model" else {}
    return {"model": type(model).__name__, **latents, "parameters": model.count_params()}


def latents_of(model) -> Any:
    """How many latents a built latent-variable model has, and where they are codes, out of how many: `{"latents": 49,
    "codes": 512}`."""
    codes = getattr(model, "codes", None)  # of its codebook
    shapes = checks.named(model.latent_shape()).values()
    return {"latents": sum(map(math.prod, shapes)), **({"codes": codes} if codes else {})}


def to_json(value) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def call_with(function, overrides=None, **fixed) -> Any:
    """Calls a recipe's function with those overrides that it takes as arguments."""
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in (overrides or {}).items() if name in known}, **fixed)


def stages(recipe, overrides=None) -> list[dict[str, Any]]:
    """What a recipe's `training` returns, as a list of plans, one a stage: `{"compile": arguments of compile, "frozen":
    parts left alone, "settings": `{"objective.samples": 5}` and the like, ...}`, the rest being arguments of `fit`."""
    plans = call_with(recipe.training, overrides)
    return plans if isinstance(plans, list) else [plans]


def hyperparameters(recipe: Recipe) -> dict[str, inspect.Parameter]:
    """What the functions of a recipe take, by name."""
    found = {}
    for function in (recipe.training, recipe.data_of, recipe.model):
        found |= inspect.signature(function).parameters
    return found


def check_names(recipe: Recipe, names: Any) -> None:
    """Refuses hyperparameters that no function of a recipe takes.

    Raises:
        ValueError: the message has those that there are.
    """
    known = hyperparameters(recipe)
    unknown = sorted(map(str, set(names) - set(known)))
    if unknown:
        raise ValueError(f"The recipe has no {unknown}. Its hyperparameters: {sorted(known)}.")


def check_overrides(recipe: Recipe, overrides: dict[str, Any]) -> None:
    """Refuses overrides that no function of a recipe takes, or of another kind than the recipe's own values.

    Raises:
        TypeError, ValueError: the message has what is accepted.
    """
    check_names(recipe, overrides)
    known = hyperparameters(recipe)
    for name, value in overrides.items():
        _check_override(name, value, known[name].default)


def _check_override(name, value, own):
    """Refuses a hyperparameter of another type than the recipe's own value, or one that no training can take."""
    if name == "seed":
        checks.seed(value, none=False)
    elif name in ("epochs", "batch_size") and not (value is None and own is None):
        checks.whole(name, value)
    elif "learning_rate" in name:
        checks.number(name, value, above=0.0)
    elif isinstance(own, bool):
        checks.flag(name, value)
    elif isinstance(own, int):
        checks.whole(name, value, least=min(own, 1))
    elif isinstance(own, float):
        checks.number(name, value, least=min(own, 0.0))
    elif name == "dataset":
        from keras_vae.data import SHAPES

        checks.choice("data set", value, SHAPES)
    elif isinstance(own, str):
        checks.instance(name, value, str, f"a text, such as {own!r}")
    elif isinstance(own, (tuple, list)):
        checks.instance(name, value, (list, tuple), f"a list, such as {list(own)}")
        if not value:
            raise ValueError(f"{name} must not be empty; the recipe has {list(own)}.")
        for part in value:
            _check_override(f"each of {name}", part, own[0] if own else None)
    elif value is None and own is not None:
        raise TypeError(f"{name} must have a value; got None.")
