"""Objectives: what is minimised of a model's terms. `VAE(objective=ImportanceWeighted(50))`, on any model that has a
density."""

from typing import Any

from keras_vae import checks
from keras_vae._registration import register
from keras_vae.objectives.free_energy import Capacity, FreeBits, FreeEnergy
from keras_vae.objectives.importance_weighted import (
    CombinationImportanceWeighted,
    ImportanceWeighted,
    PartiallyImportanceWeighted,
)
from keras_vae.objectives.matching import AdversarialMatching, MaximumMeanDiscrepancy
from keras_vae.objectives.multi_view import MultiViewTotalCorrelation
from keras_vae.objectives.objective import Inference, Objective
from keras_vae.objectives.regularized import Regularized
from keras_vae.objectives.total_correlation import Adversarial, TotalCorrelation
from keras_vae.objectives.vector_quantized import VectorQuantized

OBJECTIVES = {
    "free_energy": FreeEnergy,
    "importance_weighted": ImportanceWeighted,
    "capacity": Capacity,
    "free_bits": FreeBits,
    "maximum_mean_discrepancy": MaximumMeanDiscrepancy,
    "adversarial_matching": AdversarialMatching,
    "multi_view_total_correlation": MultiViewTotalCorrelation,
    "regularized": Regularized,
}

__all__ = [
    "OBJECTIVES",
    "Adversarial",
    "AdversarialMatching",
    "Capacity",
    "CombinationImportanceWeighted",
    "FreeBits",
    "FreeEnergy",
    "ImportanceWeighted",
    "Inference",
    "MaximumMeanDiscrepancy",
    "MultiViewTotalCorrelation",
    "Objective",
    "PartiallyImportanceWeighted",
    "Regularized",
    "TotalCorrelation",
    "VectorQuantized",
    "resolve",
]


def resolve(objective: Any, beta: float | None = None) -> Objective:
    """An objective of a name or an object; `beta` is the weight of the rate for a name, and None for an object.

    Raises:
        TypeError, ValueError: unknown, or beta given twice.
    """
    if isinstance(objective, str):
        chosen = OBJECTIVES[checks.choice("objective", objective, OBJECTIVES)]
        return chosen() if beta is None else chosen(beta=beta)
    checks.instance("The objective", objective, Objective, f"one of {sorted(OBJECTIVES)} or an Objective of keras_vae")
    if beta is not None:
        raise ValueError(
            f"beta belongs to the objective, which is an object: give it there, {type(objective).__name__}(beta=...)."
        )
    return objective


register(__name__)
