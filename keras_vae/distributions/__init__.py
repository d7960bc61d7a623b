"""Ground floor: TFP distributions of our own, and what is done with distributions by their type. No Keras."""

import warnings

from keras_vae.distributions.autoregressive import Autoregressive, AutoregressiveCodes
from keras_vae.distributions.bernoulli import Bernoulli, IndependentBernoulli
from keras_vae.distributions.coupled import (
    CoupledExponential,
    GibbsMixture,
    annealed_log_partition,
    coupled_kl_divergence,
)
from keras_vae.distributions.discretized_logistic import DiscretizedLogistic
from keras_vae.distributions.experts import mixture_of_experts, product_of_experts
from keras_vae.distributions.mixtures import FullNormalMixture, NormalMixture
from keras_vae.distributions.probability_flow import ProbabilityFlow
from keras_vae.distributions.reweighted import ResampledNormal, ReweightedNormal
from keras_vae.distributions.spherical import PowerSpherical
from keras_vae.distributions.structures import (
    Joint,
    centre,
    cooled,
    divergences,
    frozen,
    kl_divergence,
    log_ratios,
    nearest,
    shown,
)
from keras_vae.distributions.visible import given_visible

__all__ = [
    "Autoregressive",
    "AutoregressiveCodes",
    "Bernoulli",
    "CoupledExponential",
    "DiscretizedLogistic",
    "FullNormalMixture",
    "GibbsMixture",
    "IndependentBernoulli",
    "Joint",
    "NormalMixture",
    "PowerSpherical",
    "ProbabilityFlow",
    "ResampledNormal",
    "ReweightedNormal",
    "annealed_log_partition",
    "centre",
    "cooled",
    "coupled_kl_divergence",
    "divergences",
    "frozen",
    "given_visible",
    "kl_divergence",
    "log_ratios",
    "mixture_of_experts",
    "nearest",
    "product_of_experts",
    "shown",
]


def __getattr__(name):
    """Names that have moved to `keras_vae.parts`: they work here for one more version."""
    from keras_vae import parts

    if name.startswith("_") or not hasattr(parts, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"keras_vae.distributions.{name} has moved: use keras_vae.parts.{name}.", DeprecationWarning, stacklevel=2
    )
    return getattr(parts, name)
