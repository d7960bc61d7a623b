"""The public verbs of models: what users do with one."""

from keras_vae.models.verbs.exact import ExactVerbs
from keras_vae.models.verbs.general import Verbs
from keras_vae.models.verbs.importance import draws_at_a_time
from keras_vae.models.verbs.multimodal import MultimodalVerbs

__all__ = ["ExactVerbs", "MultimodalVerbs", "Verbs", "draws_at_a_time"]
