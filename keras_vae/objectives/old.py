"""Objectives by the names that archives from before they were parts have."""

from typing import Any

import keras

from keras_vae.objectives.free_energy import FreeEnergy
from keras_vae.objectives.importance_weighted import ImportanceWeighted

OLD = {
    "elbo": lambda samples, beta: FreeEnergy(beta, samples),
    "iwae": lambda samples, beta: ImportanceWeighted(samples, "reparameterized", beta=beta),
    "iwae_looser": lambda samples, beta: ImportanceWeighted(samples, "reparameterized", "looser", beta),
    "dreg": lambda samples, beta: ImportanceWeighted(samples, "doubly_reparameterized", beta=beta),
    "dreg_looser": lambda samples, beta: ImportanceWeighted(samples, "doubly_reparameterized", "looser", beta),
}


def renewed(config: dict[str, Any]) -> dict[str, Any]:
    """A model's configuration with an old name, number of draws and beta as one objective."""
    if not isinstance(config.get("objective"), str) or config["objective"] not in OLD:
        return config
    kept = {name: value for name, value in config.items() if name not in ("importance_samples", "beta")}
    objective = OLD[config["objective"]](config.get("importance_samples", 1), config.get("beta", 1.0))
    return {**kept, "objective": keras.saving.serialize_keras_object(objective)}
