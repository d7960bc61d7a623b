"""The zoo and tuning."""

import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

import keras_vae
from calls.models import fitted
from calls.target import Target
from calls.values import COUNT, COUNT_OR_NONE, MODEL, NEVER, SEED, Thing, choice, path, text, these
from keras_vae import tuning, zoo


def of_zoo() -> Iterator[Target]:
    name = path("", "a" * 5000, "mvae_pose", "nonsense", fitted("vae"), ["vae", "mvae_poe"]) | NEVER
    yield Target("zoo.load", zoo.load, {"name": "vae"}, {"name": name})
    for called in (zoo.card, zoo.metrics, zoo.recipe, zoo.examples):
        yield Target(f"zoo.{called.__name__}", called, {"name": "vae"}, {"name": name})
    yield Target("zoo.names", zoo.names, {}, {"kind": choice("model", "classifier", none=True)})
    good = {"model": fitted("vae"), "target": str(pathlib.Path(tempfile.mkdtemp()) / "entry")}
    where = path(__file__).without("/nowhere/at/all").without("str '/nowhere/at/all'")
    models = MODEL | these(not_built=keras_vae.VAE(latent_size=2))
    kind = choice("model", "classifier")
    yield Target("zoo.save", zoo.save, good, {"model": models, "target": where, "kind": kind})


def of_tuning() -> Iterator[Target]:
    recipe, recipes = zoo.recipe("vae"), NEVER | these(3, "vae", zoo.Recipe)
    space = NEVER.without("None") | these(
        3, {"nonsense": (1, 2)}, {"beta": 3}, {"beta": ("a", "b")}, {"beta": (4.0, 1.0)}
    )
    space |= these(
        {"beta": (np.nan, 1.0)}, {"beta": ()}, {"beta": {"a": 1}}, {"beta": None}, {3: (1, 2)}, {"beta": (1, 1j)}
    )
    fixed = NEVER.without("None") | these(3, {"nonsense": 3}, {"latent_size": None}, {"latent_size": 2.5}, {3: 4})
    fixed |= these(
        {"learning_rate": -1.0}, {"learning_rate": np.nan}, {"dataset": "nowhere"}, {"epochs": 0}, {"seed": True}
    )
    folder = these(3, ["a"], Thing(), __file__, True, b"a", None)
    named = {
        "objective": choice("log_likelihood", none=True),
        "precision": choice("float32"),
        "space": space,
        "fixed": fixed,
    }
    good = {"name": "vae", "trials": 1, "epochs": 1, "fixed": {"dataset": "digits"}, "directory": tempfile.mkdtemp()}
    sorts = {"name": NEVER | these(3, "nonsense", ""), "oracle": choice("bayesian"), "directory": folder, "seed": SEED}
    sorts |= {"address": text(), "epochs": COUNT_OR_NONE, "trials": COUNT, **named}
    search = Target("tuning.search", tuning.search, {**good, "verbose": 0}, sorts, controls=False)
    yield search
    yield Target("RecipeHyperModel", tuning.RecipeHyperModel, {"recipe": recipe}, {"recipe": recipes, **named})
    yield Target("default_space", tuning.default_space, {"recipe": recipe}, {"recipe": recipes})
    texts = these(
        None, 3, "beta=1:4", ["nonsense=1:2"], ["beta=4:1"], ["beta=a:b"], [3], ["beta=1:2:3:4:5"], ["beta=nan:1"]
    )
    texts |= these(["=1"], ["beta=:"], [None], {"beta": 1}, ["beta=1e999:1"], [""], Thing())
    parsed = {"recipe": recipe, "texts": ["beta=1:4"]}
    yield Target("parse_space", tuning.parse_space, parsed, {"texts": texts, "recipe": recipes})
    yield Target("tuning.trials", tuning.trials, {"folder": tempfile.mkdtemp()}, {"folder": path(__file__)})


def targets() -> Iterator[Target]:
    yield from of_zoo()
    yield from of_tuning()
