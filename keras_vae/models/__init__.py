"""One file a variant, and the base they share."""

from keras_vae.models.base import LatentVariableModel
from keras_vae.models.cvae import CVAE
from keras_vae.models.multimodal import MultimodalVAE
from keras_vae.models.mvae import MVAE
from keras_vae.models.vae import VAE

__all__ = ["CVAE", "MVAE", "VAE", "LatentVariableModel", "MultimodalVAE"]
