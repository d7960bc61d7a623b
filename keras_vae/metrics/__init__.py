"""What is measured of a model, once for all of them."""

from keras_vae.metrics.coherence import cross_coherence, joint_coherence
from keras_vae.metrics.condition import class_agreement, intraclass_correlation, slant
from keras_vae.metrics.estimate import Estimate
from keras_vae.metrics.latents import active_units, linear_probe
from keras_vae.metrics.likelihood import free_energy, negative_log_likelihood

__all__ = [
    "Estimate",
    "active_units",
    "class_agreement",
    "cross_coherence",
    "free_energy",
    "intraclass_correlation",
    "joint_coherence",
    "linear_probe",
    "negative_log_likelihood",
    "slant",
]
