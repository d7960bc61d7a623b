"""What a search can look for, measured of a trained model on held-out training data: nothing that depends on beta."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from keras import tree

from keras_vae import metrics
from keras_vae.zoo import entries

SPLIT = "train[90%:]"
EXAMPLES = 500  # of the held-out tenth that are measured
SAMPLES = 100  # draws an example of importance-weighted log-likelihoods


class Trained(NamedTuple):
    """What an objective is measured of: the model, its recipe, held-out examples as the model takes them, and the
    overrides that they were made with."""

    model: object
    recipe: object
    x: object
    overrides: dict


class Objective(NamedTuple):
    """A name, whether more is better ("max") or less ("min"), its unit, and the function of a `Trained`."""

    name: str
    direction: str
    unit: str
    function: Callable


def find(name):
    """The objective of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"Unknown objective {name!r}. Choose from {sorted(OBJECTIVES)}.")
    return OBJECTIVES[name]


def held_out(recipe, overrides):
    """`(x, overrides)`: examples that no trial trains on, the same for all trials, and the overrides that made them."""
    same = {name: value for name, value in overrides.items() if name != "batch_size"}
    same |= {"split": SPLIT, "seed": 0, "batch_size": 100, "augmentation": 0.0}
    parts, count = [], 0
    for batch in entries.call_with(recipe.data, same):
        parts.append(tree.map_structure(np.asarray, batch))
        count += len(tree.flatten(parts[-1])[0])
        if count >= EXAMPLES:
            break
    return tree.map_structure(lambda *arrays: np.concatenate(arrays)[:EXAMPLES], *parts), same


def _log_likelihood(trained):
    return np.mean(trained.model.log_likelihood(trained.x, samples=SAMPLES))


def _free_energy(trained):
    return trained.model.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)["free_energy"]


def _hypervolume(trained):
    """Area of rates and distortions that are worse in both, up to a reference: what the model scored before training.

    It asks for a good place on the rate-distortion plane, wherever on it; the free energy asks for the lowest sum.
    """
    terms = trained.model.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)
    fresh = entries.call_with(trained.recipe.model, {**trained.overrides, "seed": 0})
    fresh.compile()
    start = fresh.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)["distortion"]
    saved = max(start - terms["distortion"], 0.0)
    return saved * max(abs(start) - terms["rate"], 0.0) / start**2


def _mutual_information_gap(trained):
    images, factors = _of_recipe(trained, "factors", "mutual_information_gap")(SPLIT)
    means, scales = metrics.posterior_moments(trained.model, images)
    return metrics.mutual_information_gap(means, factors, scales).value


def _coherence(trained):
    """Mean of the joint coherence and of the cross coherences from each modality to each other."""
    images, classes = _of_recipe(trained, "pairs", "coherence")(SPLIT)
    images = {name: array[:EXAMPLES] for name, array in images.items()}
    judges = {name: entries.load(f"classifier_{name}") for name in images}
    values = [metrics.joint_coherence(trained.model, judges, samples=1000).value]
    for source in images:
        for target in images:
            if source != target:
                given = {source: images[source]}
                values.append(
                    metrics.cross_coherence(trained.model, given, classes[:EXAMPLES], target, judges, samples=1).value
                )
    return np.mean(values)


def _of_recipe(trained, function, objective):
    if not hasattr(trained.recipe, function):
        raise ValueError(f"{objective} needs a recipe with a function `{function}`, which this one lacks.")
    return getattr(trained.recipe, function)


OBJECTIVES = {
    one.name: one
    for one in (
        Objective("log_likelihood", "max", "nats", _log_likelihood),
        Objective("free_energy", "min", "nats", _free_energy),
        Objective("hypervolume", "max", "of 1", _hypervolume),
        Objective("mutual_information_gap", "max", "of 1", _mutual_information_gap),
        Objective("coherence", "max", "of 1", _coherence),
    )
}
