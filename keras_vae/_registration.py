"""Classes are registered with Keras where Keras is there, so that `keras.saving.load_model` finds them. Keras, and
TensorFlow with it, is never imported for that."""

import importlib
import importlib.abc
import importlib.util
import sys

MODELS = "keras_vae.models"


def register(finished: str = "") -> None:
    """Registers the classes if Keras is imported, and no module of ours is amid its import but the one that is all but
    finished; else once Keras is imported."""
    if "keras" not in sys.modules:
        if not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
            sys.meta_path.insert(0, _AfterKeras())
    elif not any(_begun(name) for name in list(sys.modules) if name != finished):
        importlib.import_module(MODELS)


def _begun(name):
    """Whether Keras or a module of ours is being imported: what imports it in turn would find half of it."""
    if name != "keras" and not name.startswith("keras_vae."):
        return False
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as ever, and registers once it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("keras")
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                register("keras")

            spec.loader.exec_module = exec_module
        return spec
