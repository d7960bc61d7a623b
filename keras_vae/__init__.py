"""keras_vae: pretrained, reproducible variational autoencoders for Keras 3 on TensorFlow.

>>> import keras_vae
>>> model = keras_vae.zoo.load("mvae_poe")
>>> images = model.sample(16)

Everything below is imported on first use, so that `import keras_vae` itself does not import TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from keras_vae._backend import require_tensorflow
from keras_vae._registration import register

__version__ = "0.1.0"

# Public name -> module that defines it. Modules themselves are public names as well.
_DEFINED_IN = {
    "IWAE": "keras_vae.models",
    "BetaTCVAE": "keras_vae.models",
    "BetaVAE": "keras_vae.models",
    "FactorVAE": "keras_vae.models",
    "CVAE": "keras_vae.models",
    "HierarchicalVampVAE": "keras_vae.models",
    "LadderVAE": "keras_vae.models",
    "LatentVariableModel": "keras_vae.models",
    "MultimodalVAE": "keras_vae.models",
    "MMVAE": "keras_vae.models",
    "MoPoE": "keras_vae.models",
    "MVAE": "keras_vae.models",
    "POISEVAE": "keras_vae.models",
    "PPCA": "keras_vae.models",
    "VAE": "keras_vae.models",
    "VampVAE": "keras_vae.models",
    "VQVAE": "keras_vae.models",
}
_MODULES = (
    "callbacks",
    "data",
    "distributions",
    "metrics",
    "models",
    "networks",
    "objectives",
    "parts",
    "plots",
    "tuning",
    "zoo",
)

__all__ = [*_DEFINED_IN, *_MODULES]

require_tensorflow()


if TYPE_CHECKING:  # the same names, for editors; `as` says that they are public
    from keras_vae import callbacks as callbacks
    from keras_vae import data as data
    from keras_vae import distributions as distributions
    from keras_vae import metrics as metrics
    from keras_vae import models as models
    from keras_vae import networks as networks
    from keras_vae import objectives as objectives
    from keras_vae import parts as parts
    from keras_vae import plots as plots
    from keras_vae import tuning as tuning
    from keras_vae import zoo as zoo
    from keras_vae.models import CVAE as CVAE
    from keras_vae.models import IWAE as IWAE
    from keras_vae.models import MMVAE as MMVAE
    from keras_vae.models import MVAE as MVAE
    from keras_vae.models import POISEVAE as POISEVAE
    from keras_vae.models import PPCA as PPCA
    from keras_vae.models import VAE as VAE
    from keras_vae.models import VQVAE as VQVAE
    from keras_vae.models import BetaTCVAE as BetaTCVAE
    from keras_vae.models import BetaVAE as BetaVAE
    from keras_vae.models import FactorVAE as FactorVAE
    from keras_vae.models import HierarchicalVampVAE as HierarchicalVampVAE
    from keras_vae.models import LadderVAE as LadderVAE
    from keras_vae.models import LatentVariableModel as LatentVariableModel
    from keras_vae.models import MoPoE as MoPoE
    from keras_vae.models import MultimodalVAE as MultimodalVAE
    from keras_vae.models import VampVAE as VampVAE
else:  # hidden from editors, or they would take any name

    def __getattr__(name):
        if name in _DEFINED_IN:
            value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
        elif name in _MODULES:
            value = importlib.import_module(f"keras_vae.{name}")
        else:
            raise AttributeError(f"module 'keras_vae' has no attribute {name!r}")
        globals()[name] = value
        register()
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


register()
