"""What is overridden or read of Keras though it is not public: each fails here by its name when it is gone."""

import inspect
import pathlib
import re

import keras
import pytest
from keras.src.backend.tensorflow import trainer
from keras.src.saving import serialization_lib
from tiny import compiled, vae

import keras_vae
from keras_vae.models.training import PRIVATE_NAMES

GONE = "Keras no longer has {}: see keras_vae/models/training."


def test_models_have_the_step_before_the_first_that_is_overridden():
    parameters = inspect.signature(getattr(keras.Model, "_maybe_symbolic_build", None) or (lambda: 0)).parameters
    assert list(parameters) == ["self", "iterator", "data_batch"], GONE.format("Model._maybe_symbolic_build")


def test_models_say_whether_metrics_are_compiled():
    assert hasattr(compiled(vae()), "_compile_metrics"), GONE.format("Model._compile_metrics")


def test_fit_asks_for_a_cached_evaluation_by_a_name_that_is_not_public():
    source = inspect.getsource(trainer.TensorFlowTrainer.evaluate) + inspect.getsource(trainer.TensorFlowTrainer.fit)
    assert source.count("_use_cached_eval_dataset") >= 2, GONE.format("evaluate(_use_cached_eval_dataset=)")


def test_the_iterator_of_fit_holds_its_data_set():
    source = inspect.getsource(trainer.TFEpochIterator)
    assert "_distributed_dataset" in source, GONE.format("TFEpochIterator._distributed_dataset")


def test_losses_are_a_property_that_layers_add_to():
    assert isinstance(keras.Layer.losses, property), GONE.format("Layer.losses, a property")
    assert callable(keras.Layer.add_loss), GONE.format("Layer.add_loss")


def test_scaled_losses_ask_whether_gradients_are_finite():
    assert callable(getattr(keras.optimizers.LossScaleOptimizer, "check_finite", None)), GONE.format("check_finite")


def test_saving_by_tensorflow_asks_for_a_signature():
    assert isinstance(getattr(keras.Model, "_default_save_signature", None), property), GONE.format(
        "Model._default_save_signature"
    )


def test_safe_mode_has_a_scope_that_nothing_overrules():
    scope = getattr(serialization_lib, "SafeModeScope", None)
    assert scope is not None, GONE.format("serialization_lib.SafeModeScope")
    with scope(True):
        assert serialization_lib.in_safe_mode(), GONE.format("SafeModeScope(True), safe inside")


@pytest.mark.parametrize(
    "name", [name for names in PRIVATE_NAMES.values() for name in names if name[0] == "_" or name == "SafeModeScope"]
)
def test_private_names_stand_in_the_room_of_training_alone(name):
    root = pathlib.Path(keras_vae.__file__).parent
    found = {
        path.relative_to(root).parts[:2] for path in root.rglob("*.py") if re.search(rf"\b{name}\b", path.read_text())
    }
    assert found == {("models", "training")}
