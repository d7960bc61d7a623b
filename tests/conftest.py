"""What all tests share: quiet TensorFlow, two logical CPU devices, small real data, models, and the `data` marker."""

import functools
import gc
import importlib.metadata
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests ask whether XLA compiles a model and agrees, not how fast it is then.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    # Halves the time; XLA ends a process whose flags it does not know, as versions before may not
    + " --xla_cpu_use_fusion_emitters=false" * (importlib.metadata.version("tensorflow") >= "2.21"),
)

import keras
import pytest
import tensorflow as tf

# For tf.distribute; must come before TensorFlow is initialised.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

pytest.register_assert_rewrite("harness", "kinds")

import kinds  # noqa: E402

from keras_vae import zoo  # noqa: E402
from keras_vae.zoo import entries  # noqa: E402

APART = ("test_documentation", "test_tuning", "test_devices")  # files whose tests are long and share nothing


def _prepared(folder):
    return any(folder.glob("**/dataset_info.json"))


def _group(item):
    """What a test shares with those that go to the same process: a kind's fit, an entry of the zoo, or its file's."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "kind" in parameters and isinstance(parameters["kind"], kinds.Kind):
        return parameters["kind"].name
    if "loaded" in item.fixturenames and "name" in parameters:
        return f"zoo {parameters['name']}"
    return item.path.stem


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups
def pytest_collection_modifyitems(items):
    """Skips a test marked `data("mnist", ...)` where TFDS_DATA_DIR does not hold these data sets."""
    folder = os.environ.get("TFDS_DATA_DIR")
    for item in items:
        if item.path.stem not in APART:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
        for mark in item.iter_markers("data"):
            missing = [name for name in mark.args if not (folder and _prepared(pathlib.Path(folder, name)))]
            if missing or not folder:
                item.add_marker(
                    pytest.mark.skip(reason=f"needs TFDS_DATA_DIR with {', '.join(mark.args) or 'data sets'}")
                )


def pytest_collection_finish():
    """What is imported stays: looking through all of TensorFlow for garbage takes a quarter of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _same_seed_and_float32_for_every_test():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def images():
    """64 of scikit-learn's digits, float32 `[64, 8, 8, 1]` in [0, 1]."""
    return kinds.images(64)


@pytest.fixture(scope="session")
def pairs():
    """Two modalities of 32 digits: the image, and a vector of its 16 middle pixels."""
    return kinds.pairs()


@pytest.fixture
def data(kind):
    """What a kind of model is fitted to."""
    return kind.data()


@pytest.fixture(scope="session")
def fitted():
    """`(model, history)` of the short fit of a kind, by its name. Read-only: once for all tests of a process."""

    @functools.cache
    def once(name):
        kind = kinds.KINDS[name]
        return kinds.train(kind, validation_data=(kind.data(),))

    return once


@pytest.fixture(scope="session")
def loaded():
    """The zoo's entry of a name, with its weights. Read-only: once for all tests of a process."""
    return functools.cache(zoo.load)


@pytest.fixture(scope="session")
def strategy():
    """Two replicas. One for all tests: two strategies on the same devices mix up their collective operations."""
    devices = tf.config.list_logical_devices("CPU")[:2]
    return tf.distribute.MirroredStrategy([device.name.removeprefix("/physical_device:") for device in devices])


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A zoo of one entry, whose recipe (toy_recipe.py) trains in a second; returns the folder that holds it."""
    (tmp_path / "zoo" / "toy").mkdir(parents=True)
    shutil.copy(pathlib.Path(__file__).parent / "toy_recipe.py", tmp_path / "zoo" / "toy" / entries.RECIPE)
    monkeypatch.setattr(entries, "ROOT", tmp_path / "zoo")
    return tmp_path
