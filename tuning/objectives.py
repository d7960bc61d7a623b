"""What a search can look for, measured of a trained model on held-out training data: nothing that depends on beta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import tree

from keras_vae import checks, metrics
from keras_vae.zoo import entries

EXAMPLES = 500  # of the held-out ones that are measured
SAMPLES = 100  # draws an example of importance-weighted log-likelihoods


class Trained(NamedTuple):
    """What an objective is measured of: the model, its recipe, held-out examples as the model takes them, and the
    overrides that all trials share."""

    model: Any
    recipe: Any
    x: Any
    fixed: dict[str, Any]


class Objective(NamedTuple):
    """A name, whether more is better ("max") or less ("min"), the function of a `Trained`, and which function
    it needs of the recipe."""

    name: str
    direction: str
    function: Callable[[Trained], Any]
    needs: str | None = None


def find(name: str, recipe: Any) -> Objective:
    """The objective of that name.

    Raises:
        ValueError: there is none, or it cannot be measured of this recipe's models.
    """
    needs = OBJECTIVES[checks.choice("objective", name, OBJECTIVES)].needs
    if needs and not getattr(recipe, needs):
        raise ValueError(f"{name} needs a recipe with a function `{needs}`, which this one lacks.")
    if recipe.kind != "model":
        raise ValueError(f"{recipe.title} is a {recipe.kind}: there is no latent-variable model to measure.")
    return OBJECTIVES[name]


def held_out(recipe: Any, overrides: dict[str, Any]) -> Any:
    """Examples that no trial trains on, the same for all trials."""
    same = {name: value for name, value in overrides.items() if name != "batch_size"}
    same |= {"split": recipe.splits[1], "seed": 0, "batch_size": 100, "augmentation": 0.0, "jittered": False}
    parts, count = [], 0
    for batch in entries.call_with(recipe.data_of, same):
        parts.append(tree.map_structure(np.asarray, batch))
        count += len(tree.flatten(parts[-1])[0])
        if count >= EXAMPLES:
            break
    return tree.map_structure(lambda *arrays: np.concatenate(arrays)[:EXAMPLES], *parts)


def _log_likelihood(trained):
    return np.mean(trained.model.log_likelihood(trained.x, samples=SAMPLES))


def _free_energy(trained):
    return trained.model.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)["free_energy"]


def _hypervolume(trained):
    """`area` of the trained model, from the distortion that the recipe starts from."""
    terms = trained.model.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)
    fresh = entries.call_with(trained.recipe.model, trained.fixed)
    fresh.compile()
    start = fresh.evaluate(trained.x, batch_size=100, verbose=0, return_dict=True)["distortion"]
    return area(terms["rate"], terms["distortion"], start)


def area(rate: float, distortion: float, start: float) -> float:
    """Share of the plane that is worse in rate and in distortion, up to a distortion of `start` and as many nats of
    rate."""
    return max(start - distortion, 0.0) * max(abs(start) - rate, 0.0) / start**2


def _mutual_information_gap(trained):
    images, factors = trained.recipe.factors(trained.recipe.splits[1])
    means, scales = metrics.posterior_moments(trained.model, images)
    return metrics.mutual_information_gap(means, factors, scales).value


def _coherence(trained):
    """Mean of the joint coherence and of the cross coherences from each modality to each other."""
    images, classes = trained.recipe.pairs(trained.recipe.splits[1])
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


OBJECTIVES = {
    one.name: one
    for one in (
        Objective("log_likelihood", "max", _log_likelihood),
        Objective("free_energy", "min", _free_energy),
        Objective("hypervolume", "max", _hypervolume),
        Objective("mutual_information_gap", "max", _mutual_information_gap, "factors"),
        Objective("coherence", "max", _coherence, "pairs"),
    )
}
