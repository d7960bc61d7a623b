"""keras_vae: pretrained, reproducible variational autoencoders for Keras 3 on TensorFlow.

>>> import keras_vae
>>> model = keras_vae.zoo.load("mvae_poe")
>>> images = model.sample(16)

Everything below is imported on first use, so that `import keras_vae` itself does not import TensorFlow.
"""

import importlib

from keras_vae._backend import require_tensorflow

__version__ = "0.1.0"

# Public name -> module that defines it. Modules themselves are public names as well.
_DEFINED_IN = {
    "IWAE": "keras_vae.models",
    "BetaTCVAE": "keras_vae.models",
    "BetaVAE": "keras_vae.models",
    "FactorVAE": "keras_vae.models",
    "CVAE": "keras_vae.models",
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


def __getattr__(name):
    if name in _DEFINED_IN:
        value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"keras_vae.{name}")
    else:
        raise AttributeError(f"module 'keras_vae' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
