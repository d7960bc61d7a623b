"""What is measured of a model, once for all of them."""

from keras_vae._registration import register
from keras_vae.metrics.canonical_correlation import CanonicalCorrelation
from keras_vae.metrics.chains import Chains, chain_diagnostics
from keras_vae.metrics.codebook import codebook_use
from keras_vae.metrics.coherence import cross_coherence, joint_coherence
from keras_vae.metrics.condition import class_agreement, intraclass_correlation, slant
from keras_vae.metrics.disentanglement import (
    active_codes,
    disentanglement_completeness_informativeness,
    factor_vae_score,
    mutual_information,
    mutual_information_gap,
    separated_attribute_predictability,
)
from keras_vae.metrics.diversity import diversity
from keras_vae.metrics.estimate import Estimate
from keras_vae.metrics.frechet import classifier_features, frechet_distance
from keras_vae.metrics.latents import active_units, linear_probe, posterior_moments, rate_per_latent
from keras_vae.metrics.likelihood import bits_per_dimension, free_energy, negative_log_likelihood
from keras_vae.metrics.reconstruction import reconstruction_error
from keras_vae.metrics.speed import relative_step_time

__all__ = [
    "CanonicalCorrelation",
    "Chains",
    "Estimate",
    "active_codes",
    "active_units",
    "bits_per_dimension",
    "chain_diagnostics",
    "class_agreement",
    "classifier_features",
    "codebook_use",
    "cross_coherence",
    "disentanglement_completeness_informativeness",
    "diversity",
    "factor_vae_score",
    "frechet_distance",
    "free_energy",
    "intraclass_correlation",
    "joint_coherence",
    "linear_probe",
    "mutual_information",
    "mutual_information_gap",
    "negative_log_likelihood",
    "posterior_moments",
    "rate_per_latent",
    "reconstruction_error",
    "relative_step_time",
    "separated_attribute_predictability",
    "slant",
]

register(__name__)
