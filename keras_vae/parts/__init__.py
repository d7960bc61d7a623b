"""Parts of a model: likelihoods, posteriors, priors and critics, Keras layers that make distributions.

`part.distribution(given)` makes a TFP distribution, float32 whatever the policy: a posterior's of features, a
likelihood's of the decoder's output, a prior's of a condition or of nothing.
"""

from keras_vae._registration import register
from keras_vae.parts.autoregressive_likelihood import AutoregressiveLikelihood
from keras_vae.parts.code_priors import CODE_PRIORS, AutoregressivePrior, CodePrior, UniformPrior
from keras_vae.parts.codebook import CODEBOOKS, Codebook, GradientCodebook, LearnedCodebook, MovingAverageCodebook
from keras_vae.parts.coupled_prior import CoupledExponentialPrior
from keras_vae.parts.critic import Critic
from keras_vae.parts.finite_scalar import FiniteScalarCodebook
from keras_vae.parts.flow_matching import FlowMatchingPrior
from keras_vae.parts.flows import AutoregressiveFlow, CouplingFlow
from keras_vae.parts.ladder import Rung
from keras_vae.parts.likelihoods import (
    LIKELIHOODS,
    BernoulliLikelihood,
    CategoricalLikelihood,
    DiscretizedLogisticLikelihood,
    LaplaceLikelihood,
    Likelihood,
    NormalLikelihood,
)
from keras_vae.parts.part import Part, Posterior, Prior
from keras_vae.parts.posteriors import (
    POSTERIORS,
    DeterministicPosterior,
    HeadPosterior,
    HomoscedasticNormalPosterior,
    LaplacePosterior,
    LocationScalePosterior,
    NormalPosterior,
    PowerSphericalPosterior,
)
from keras_vae.parts.priors import (
    PRIORS,
    ConditionalNormalPrior,
    LaplacePrior,
    LatentPrior,
    NormalMixturePrior,
    SphericalUniformPrior,
    StandardNormalPrior,
)
from keras_vae.parts.pushed import FlowPosterior, FlowPrior
from keras_vae.parts.registry import resolve
from keras_vae.parts.reweighted import NoiseContrastivePrior, ResampledPrior

# Names of those that are made of the others.
PRIORS |= {"flow": FlowPrior, "flow_matching": FlowMatchingPrior}
PRIORS |= {"noise_contrastive": NoiseContrastivePrior, "resampled": ResampledPrior}
POSTERIORS["flow"] = FlowPosterior

__all__ = [
    "CODEBOOKS",
    "CODE_PRIORS",
    "LIKELIHOODS",
    "POSTERIORS",
    "PRIORS",
    "AutoregressiveFlow",
    "AutoregressiveLikelihood",
    "AutoregressivePrior",
    "BernoulliLikelihood",
    "CategoricalLikelihood",
    "CodePrior",
    "Codebook",
    "ConditionalNormalPrior",
    "CoupledExponentialPrior",
    "CouplingFlow",
    "Critic",
    "DeterministicPosterior",
    "DiscretizedLogisticLikelihood",
    "FiniteScalarCodebook",
    "FlowMatchingPrior",
    "FlowPosterior",
    "FlowPrior",
    "GradientCodebook",
    "HeadPosterior",
    "HomoscedasticNormalPosterior",
    "LaplaceLikelihood",
    "LaplacePosterior",
    "LaplacePrior",
    "LatentPrior",
    "LearnedCodebook",
    "Likelihood",
    "LocationScalePosterior",
    "MovingAverageCodebook",
    "NoiseContrastivePrior",
    "NormalLikelihood",
    "NormalMixturePrior",
    "NormalPosterior",
    "Part",
    "Posterior",
    "PowerSphericalPosterior",
    "Prior",
    "ResampledPrior",
    "Rung",
    "SphericalUniformPrior",
    "StandardNormalPrior",
    "UniformPrior",
    "resolve",
]

register(__name__)
