"""What is measured of a model, once for all of them."""

from keras_vae.metrics.codebook import codebook_use
from keras_vae.metrics.coherence import cross_coherence, joint_coherence
from keras_vae.metrics.estimate import Estimate
from keras_vae.metrics.latents import active_units, linear_probe
from keras_vae.metrics.likelihood import bits_per_dimension, free_energy, negative_log_likelihood
from keras_vae.metrics.reconstruction import unexplained_variance

__all__ = [
    "Estimate",
    "active_units",
    "bits_per_dimension",
    "codebook_use",
    "cross_coherence",
    "free_energy",
    "joint_coherence",
    "linear_probe",
    "negative_log_likelihood",
    "unexplained_variance",
]
