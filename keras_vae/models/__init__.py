"""One file a variant, and the base they share."""

from keras_vae.models.base import LatentVariableModel
from keras_vae.models.beta_tc_vae import BetaTCVAE
from keras_vae.models.beta_vae import BetaVAE
from keras_vae.models.cvae import CVAE
from keras_vae.models.factor_vae import FactorVAE
from keras_vae.models.hierarchical_vamp_vae import HierarchicalVampVAE
from keras_vae.models.iwae import IWAE
from keras_vae.models.ladder_vae import LadderVAE
from keras_vae.models.mmvae import MMVAE
from keras_vae.models.mopoe import MoPoE
from keras_vae.models.multimodal import MultimodalVAE
from keras_vae.models.mvae import MVAE
from keras_vae.models.poise_vae import POISEVAE
from keras_vae.models.ppca import PPCA
from keras_vae.models.vae import VAE
from keras_vae.models.vamp_vae import VampVAE
from keras_vae.models.vqvae import VQVAE

__all__ = [
    "CVAE",
    "IWAE",
    "MMVAE",
    "MVAE",
    "POISEVAE",
    "PPCA",
    "VAE",
    "VQVAE",
    "BetaTCVAE",
    "BetaVAE",
    "FactorVAE",
    "HierarchicalVampVAE",
    "LadderVAE",
    "LatentVariableModel",
    "MoPoE",
    "MultimodalVAE",
    "VampVAE",
]
