"""Ground floor: likelihoods, posteriors and priors as Keras layers that build TFP distributions, and experts.

Layers hold weights and hand over tensors; their `distribution` method makes a float32 TFP distribution of them,
whatever the mixed-precision policy.
"""

from keras_vae.distributions.codebook import CODEBOOKS, GradientCodebook, MovingAverageCodebook
from keras_vae.distributions.coupled import (
    CoupledExponential,
    GibbsMixture,
    annealed_log_partition,
    coupled_kl_divergence,
)
from keras_vae.distributions.coupled_prior import CoupledExponentialPrior
from keras_vae.distributions.divergences import kl_divergence
from keras_vae.distributions.experts import mixture_of_experts, product_of_experts
from keras_vae.distributions.likelihoods import (
    LIKELIHOODS,
    BernoulliLikelihood,
    CategoricalLikelihood,
    DiscretizedLogisticLikelihood,
    LaplaceLikelihood,
    Likelihood,
    NormalLikelihood,
    given_visible,
)
from keras_vae.distributions.mixtures import FullNormalMixture, NormalMixture
from keras_vae.distributions.posteriors import (
    POSTERIORS,
    HomoscedasticNormalPosterior,
    LaplacePosterior,
    NormalPosterior,
)
from keras_vae.distributions.priors import (
    PRIORS,
    ConditionalNormalPrior,
    LaplacePrior,
    NormalMixturePrior,
    StandardNormalPrior,
)
from keras_vae.distributions.registry import resolve

__all__ = [
    "CODEBOOKS",
    "LIKELIHOODS",
    "POSTERIORS",
    "PRIORS",
    "BernoulliLikelihood",
    "CategoricalLikelihood",
    "ConditionalNormalPrior",
    "CoupledExponential",
    "CoupledExponentialPrior",
    "DiscretizedLogisticLikelihood",
    "FullNormalMixture",
    "GibbsMixture",
    "GradientCodebook",
    "HomoscedasticNormalPosterior",
    "LaplaceLikelihood",
    "LaplacePosterior",
    "LaplacePrior",
    "Likelihood",
    "MovingAverageCodebook",
    "NormalLikelihood",
    "NormalMixture",
    "NormalMixturePrior",
    "NormalPosterior",
    "StandardNormalPrior",
    "annealed_log_partition",
    "coupled_kl_divergence",
    "given_visible",
    "kl_divergence",
    "mixture_of_experts",
    "product_of_experts",
    "resolve",
]
