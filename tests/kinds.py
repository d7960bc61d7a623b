"""The table of kinds of models: a row puts a kind into every test of what all models promise."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, completing_cvae, cvae, mvae, vae, vqvae

import keras_vae
from keras_vae.data import digits, random_quadrants, visible_part
from keras_vae.objectives import ImportanceWeighted


@functools.cache
def images(count=32):
    """scikit-learn's digits, float32 `[count, 8, 8, 1]` in [0, 1]."""
    return digits("train")[0][:count]


def middles(count=32):
    """The 16 middle pixels of each image, as vectors."""
    return images(count)[:, 2:6, 2:6].reshape(count, 16)


def labelled():
    return {"x": images(), "condition": digits("train")[1][:32, None] == np.arange(10)}


@functools.cache
def part_hidden():
    masks = random_quadrants(32, 8, 8, tf.constant([0, 0]))
    return {"x": images(), "condition": visible_part(images(), masks).numpy()}


def pairs():
    """Two modalities: the image, and the vector of its middle."""
    return {"image": images(), "middle": middles()}


def masked(data):
    """Pairs, where a third of the rows lacks one modality."""
    rows = np.arange(32) % 3 > 0
    return {**data, "middle": np.where(rows[:, None], data["middle"], np.nan), "observed": {"middle": rows}}


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """What the tests of all models need to know of one."""

    name: str
    family: str  # `make core` tests the first of each
    make: Callable  # a tiny model, of keyword arguments
    data: Callable = images  # what it is fitted to
    default: type | None = None  # its class, where it chooses its own networks from the data
    options: dict = dataclasses.field(default_factory=dict)  # of `default`, to be found again in a saved model
    continuous: bool = True  # latents are vectors and drawn, not codes and certain
    multimodal: bool = False
    exact_likelihood: bool = False  # nothing is drawn for it
    bounded: bool = True  # means of x lie in [0, 1]

    def __str__(self):
        return self.name


WEIGHTS = {"modality_weights": {"image": 1.0, "middle": 4.0}, "private_latents": {"middle": 1}}
RUNGS = {"latent_size": 3, "rung_sizes": {"image": (4,), "middle": (3, 2)}}

ROWS = [
    Kind(
        "vae",
        "one vector",
        vae,
        default=keras_vae.VAE,
        options={"prior": "laplace", "likelihood": keras_vae.parts.NormalLikelihood("learned")},
    ),
    Kind(
        "iwae",
        "one vector",
        functools.partial(vae, keras_vae.IWAE, importance_samples=4),
        default=keras_vae.IWAE,
        options={"importance_samples": 3, "estimator": "reparameterized"},
    ),
    Kind(
        "vamp_vae",
        "one vector",
        functools.partial(vae, keras_vae.VampVAE, components=6),
        default=keras_vae.VampVAE,
        options={"components": 5},
    ),
    Kind("beta_vae", "one vector", functools.partial(vae, keras_vae.BetaVAE)),
    Kind("beta_tc_vae", "one vector", functools.partial(vae, keras_vae.BetaTCVAE, dataset_size=32)),
    Kind("factor_vae", "one vector", functools.partial(vae, keras_vae.FactorVAE, critic_widths=(8,))),
    Kind(
        "ppca",
        "one vector",
        functools.partial(keras_vae.PPCA, latent_size=3),
        middles,
        exact_likelihood=True,
        bounded=False,
    ),
    Kind("vqvae", "codes", vqvae, continuous=False, exact_likelihood=True),
    Kind(
        "ladder_vae",
        "rungs",
        functools.partial(keras_vae.LadderVAE, latent_sizes=(3, 2), widths=(16, 16)),
        default=keras_vae.LadderVAE,
        options={"latent_sizes": (4, 2), "merge": "residual"},
        continuous=False,
    ),
    Kind(
        "hierarchical_vamp_vae",
        "rungs",
        functools.partial(keras_vae.HierarchicalVampVAE, latent_sizes=(3, 2), widths=(16, 16), components=6),
        default=keras_vae.HierarchicalVampVAE,
        options={"latent_sizes": (4, 2), "components": 5},
        continuous=False,
    ),
    Kind("cvae", "conditional", cvae, labelled, default=keras_vae.CVAE, options={"prior": "conditional"}),
    Kind("completing_cvae", "conditional", completing_cvae, part_hidden),
    Kind(
        "mvae",
        "product",
        mvae,
        pairs,
        default=keras_vae.MVAE,
        options={"likelihood": {"image": "bernoulli", "middle": "normal"}, "random_subsets": 2, **WEIGHTS},
        multimodal=True,
    ),
    Kind(
        "mvae_private",
        "product",
        functools.partial(mvae, latent_size=4, private_latents={"image": 1, "middle": 1}, reconstruct_absent=True),
        pairs,
        multimodal=True,
    ),
    Kind(
        "mvae_rungs",
        "product",
        functools.partial(keras_vae.MVAE, **RUNGS),
        pairs,
        default=keras_vae.MVAE,
        options={**RUNGS, "merge": "residual"},
        continuous=False,
        multimodal=True,
    ),
    Kind(
        "mmvae",
        "mixture",
        functools.partial(mvae, cls=keras_vae.MMVAE, objective=ImportanceWeighted(2)),
        pairs,
        default=keras_vae.MMVAE,
        options={"objective": "importance_weighted", **WEIGHTS},
        multimodal=True,
    ),
    Kind(
        "mopoe",
        "mixture",
        functools.partial(mvae, cls=keras_vae.MoPoE, latent_size=4, private_latents={"middle": 1}, stratified=False),
        pairs,
        multimodal=True,
    ),
    Kind(
        "poise_vae",
        "coupled",
        functools.partial(
            mvae,
            cls=keras_vae.POISEVAE,
            latent_size=5,
            private_latents={"middle": 1},
            reconstruct_absent=True,
            sweeps=4,
            gradient_sweeps=2,
        ),
        pairs,
        default=keras_vae.POISEVAE,
        options={"latent_size": 5, "gradient": "covariance", **WEIGHTS},
        multimodal=True,
    ),
]
KINDS = {kind.name: kind for kind in ROWS}
FIRSTS = list({kind.family: kind for kind in reversed(ROWS)}.values())  # of each family


def every_kind(chosen=lambda kind: True):
    """Runs a test for the kinds that are `chosen`; `make core` for the first of each family."""
    rows = [kind for kind in ROWS if chosen(kind)]
    first = {kind.family: kind for kind in reversed(rows)}.values()
    marks = {kind: () if kind in first else pytest.mark.further for kind in rows}
    return pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name, marks=marks[kind]) for kind in rows])


def built(kind, **kwargs):
    """A tiny model with its weights."""
    model = kind.make(**kwargs)
    model.build(tf.nest.map_structure(np.shape, kind.data()))
    return model


def default(kind, **kwargs):
    """A kind's class, which chooses its own networks from the data, with few latents."""
    size = {} if "latent_sizes" in kind.options else {"latent_size": 3}
    return kind.default(**{**size, **kind.options, **kwargs})


def train(kind, x=None, seed=1, eagerly=False, **kwargs):
    """`(model, history)` of the one short fit that tests compare with; eagerly it takes less time, as there is no graph
    to be made, and draws the same."""
    keras.utils.set_random_seed(seed)
    model, x = compiled(kind.make(), run_eagerly=eagerly), kind.data() if x is None else x
    batch_size = None if isinstance(x, tf.data.Dataset) else 16
    return model, model.fit(x, batch_size=batch_size, shuffle=False, verbose=0, **kwargs).history


def explained(model, data):
    """The part of the data that is x."""
    return data["x"] if model.takes_condition else data


def mean_terms(model, data, training=False):
    """`terms` and `objective`, averaged over the batch."""
    terms, objective, _ = model.terms(model.prepare(data), training)
    return tuple({name: np.mean(value) for name, value in part.items()} for part in (terms, objective))


def leaves(value):
    return [np.asarray(leaf) for leaf in tf.nest.flatten(value)]


def close(first, second, atol=1e-6):
    for a, b in zip(leaves(first), leaves(second), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(leaves(first), leaves(second), strict=True))
