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
    """A name, whether more is better ("max") or less ("min"), the function of a `Trained`, and what it needs of the
    recipe: one of its functions, or that its models have a density."""

    name: str
    direction: str
    function: Callable[[Trained], Any]
    needs: str


def find(name: str | None, recipe: Any) -> Objective:
    """The objective of that name; None: the log-likelihood, or where models have none the Frechet distance.

    Raises:
        ValueError: there is none, or it cannot be measured of this recipe's models.
    """
    if recipe.kind != "model":
        raise ValueError(f"{recipe.title} is a {recipe.kind}: there is no latent-variable model to measure.")
    if name is None:
        name = "log_likelihood" if recipe.density else "frechet_distance"
    needs = OBJECTIVES[checks.choice("objective", name, OBJECTIVES)].needs
    if not getattr(recipe, needs):
        others = [one.name for one in OBJECTIVES.values() if getattr(recipe, one.needs)]
        lacks = "models with a density" if needs == "density" else f"a recipe with a function `{needs}`"
        raise ValueError(f"{name} needs {lacks}, which this one has not. It can be searched for {others}.")
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


def _frechet_distance(trained):
    made = np.asarray(trained.model.sample(len(trained.x), seed=0))
    return metrics.frechet_distance(*(trained.recipe.features(images) for images in (trained.x, made))).value


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
        Objective("log_likelihood", "max", _log_likelihood, "density"),
        Objective("free_energy", "min", _free_energy, "density"),
        Objective("hypervolume", "max", _hypervolume, "density"),
        Objective("frechet_distance", "min", _frechet_distance, "features"),
        Objective("mutual_information_gap", "max", _mutual_information_gap, "factors"),
        Objective("coherence", "max", _coherence, "pairs"),
    )
}
