"""All that Keras must be told to train a latent-variable model, and every private name of Keras."""

from keras_vae.models.training.loops import Training
from keras_vae.models.training.loss_scale import LossScaleOptimizer
from keras_vae.models.training.safe_mode import safe_mode
from keras_vae.models.training.watch import UpToDate, Watch

# What is overridden or read of Keras though it is not public; a test fails by these names when one of them is gone.
PRIVATE_NAMES = {
    "keras.Model": ("_maybe_symbolic_build", "_compile_metrics", "_default_save_signature"),
    "keras.Model.evaluate": ("_use_cached_eval_dataset",),
    "keras.optimizers.LossScaleOptimizer": ("check_finite",),
    "the iterator of fit": ("_distributed_dataset",),
    "keras.Layer.losses": ("losses",),
    "keras.src.saving.serialization_lib": ("SafeModeScope",),
}

__all__ = ["PRIVATE_NAMES", "LossScaleOptimizer", "Training", "UpToDate", "Watch", "safe_mode"]
