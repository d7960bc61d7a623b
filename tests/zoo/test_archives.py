"""The same model gives the same bytes, and of a stranger's folder nothing runs, and nothing else is loaded."""

import io
import json
import pathlib
import random
import zipfile

import keras
import mutations
import numpy as np
import pytest
from tiny import mvae, vae, vqvae

from keras_vae import zoo
from keras_vae.zoo import archives, entries, files

pytestmark = pytest.mark.further  # `make core` loads and writes entries


def built(make):
    model = make()
    model.build({"image": (None, 8, 8, 1), "middle": (None, 16)} if make is mvae else (None, 8, 8, 1))
    return model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of a good entry. Read-only."""
    folder = tmp_path_factory.mktemp("good") / "entry"
    zoo.save(built(vae), folder)
    return folder


@pytest.fixture
def copied(good, tmp_path):
    """A copy that a test may damage; `rewritten(change)` writes it with another archive and its SHA-256."""
    folder = tmp_path / "entry"
    data, facts = entries.checked(good)

    def rewritten(change, *arguments):
        parts = change(mutations.unpacked(data), *arguments)
        archive = parts if isinstance(parts, bytes) else mutations.packed(parts)
        metrics = entries.to_json({**facts, "archive": entries.archive_facts(archive)})
        files.write_files(folder, {entries.ARCHIVE: archive, entries.METRICS: metrics})
        return folder

    return rewritten


def test_a_temporary_folder_without_room_is_one_line(good, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    data = (good / entries.ARCHIVE).read_bytes()
    model = archives.read_archive(data)
    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    for call in (
        lambda: archives.read_archive(data),
        lambda: monkeypatch.setattr(model, "save", full) or archives.archive_of(model),
    ):
        with pytest.raises(
            OSError, match=r" cannot be written: No space left on device\. Make room there, or set TMPDIR"
        ):
            call()


@pytest.mark.parametrize("make", [vae, mvae, vqvae])
@pytest.mark.parametrize("small", [True, False])
def test_a_model_saved_twice_gives_the_same_bytes(make, small):
    model = built(make)
    first = archives.archive_of(model, small)
    again = archives.read_archive(first, compile=False)
    again.compile("adam")
    assert archives.archive_of(model, small) == first
    assert archives.archive_of(again, small) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read(archives.METADATA)) == {"keras_version": keras.__version__}


def test_an_entry_saved_twice_gives_the_same_bytes(good, tmp_path):
    model = zoo.load(good)
    zoo.save(model, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in good.iterdir()
    }


def test_shared_objects_have_numbers_instead_of_addresses():
    config = {"a": {"shared_object_id": 140_000}, "b": [{"shared_object_id": 3}, {"c": {"shared_object_id": 140_000}}]}
    assert archives._numbered(config) == {
        "a": {"shared_object_id": 1},
        "b": [{"shared_object_id": 2}, {"c": {"shared_object_id": 1}}],
    }


def test_weights_of_nan_are_neither_saved_nor_loaded(copied, tmp_path):
    model = built(vae)
    model.set_weights(
        [weight * np.float32(np.nan) if weight.dtype == "float32" else weight for weight in model.get_weights()]
    )
    with pytest.raises(ValueError, match="The model has weights that are NaN or infinite"):
        zoo.save(model, tmp_path / "nan")
    assert not (tmp_path / "nan").exists()
    folder = copied(mutations.infinite_weights, random.Random(0), tmp_path)
    with pytest.raises(ValueError, match=r"model\.keras has weights that are NaN or infinite: "):
        zoo.load(folder)


@pytest.fixture
def unsafe():
    """A process that has switched Keras's safety off."""
    keras.config.enable_unsafe_deserialization()
    yield
    keras.src.saving.serialization_lib.global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize("change", [mutations.lambda_layer, mutations.foreign_layer, mutations.foreign_function])
@pytest.mark.parametrize("seed", range(3))
def test_code_of_a_folder_never_runs(change, seed, copied, unsafe, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(ValueError, match=r"holds code|not registered|cannot be loaded") as error:
        zoo.load(copied(change, random.Random(seed), canary))
    assert not canary.exists()
    assert "safe_mode" not in str(error.value)
    assert "unsafe" not in str(error.value)
    assert len(str(error.value)) < 400


def test_what_keras_itself_refuses_comes_without_its_advice(copied, unsafe, monkeypatch, tmp_path):
    def put(config):
        layer = next(part for part in mutations.classes(config) if part["class_name"] == "Dense")
        layer["config"]["activation"] = mutations.lambda_of(tmp_path / "canary")[1]

    monkeypatch.setattr(archives, "_check", lambda *_: None)
    with pytest.raises(ValueError, match="asks for what safe mode forbids") as error:
        zoo.load(copied(mutations.edited, put))
    assert "unsafe" not in str(error.value)
    assert not (tmp_path / "canary").exists()


@keras.saving.register_keras_serializable("test_archives")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def test_registered_classes_of_one_s_own_are_loaded(tmp_path):
    model = keras.Sequential([keras.Input((4,)), Doubled(), keras.layers.Dense(3, activation="relu")])
    zoo.save(model, tmp_path / "mine", kind="classifier")
    loaded = zoo.load(tmp_path / "mine")
    np.testing.assert_allclose(loaded(np.ones((1, 4))), model(np.ones((1, 4))))


def test_what_is_verified_is_what_is_loaded(good, copied, monkeypatch, tmp_path):
    folder = copied(lambda parts: parts)
    checked = archives._check

    def exchanged(data, name):
        checked(data, name)
        (folder / entries.ARCHIVE).write_bytes(b"a stranger's")

    monkeypatch.setattr(archives, "_check", exchanged)
    zoo.load(folder)
    with pytest.raises(ValueError, match="is damaged: its SHA-256"):
        zoo.load(folder)


RUNS = 'import pathlib\n\npathlib.Path(__file__).with_name("ran").touch()\n'


def test_a_recipe_of_a_folder_runs_only_when_asked_to(copied, tmp_path):
    folder = copied(lambda parts: parts)
    recipe = pathlib.Path(__file__).parents[1] / "toy_recipe.py"
    (folder / entries.RECIPE).write_text('"""Mine."""\n' + RUNS + recipe.read_text().partition('"""\n')[2])
    zoo.load(folder)
    for verb in (lambda: zoo.recipe(folder), lambda: zoo.load(folder, weights=False)):
        with pytest.raises(ValueError, match=r"is not run unasked\. If you trust who wrote it: recipe=True\."):
            verb()
    assert not (folder / "ran").exists()
    assert zoo.recipe(folder, recipe=True).doc == "Mine."
    assert (folder / "ran").exists()
    assert zoo.load(folder, weights=False, recipe=True).latent_size == 2
    with pytest.raises(TypeError, match="recipe must be True or False"):
        zoo.recipe(folder, recipe="yes")
    (folder / entries.RECIPE).write_text("x = 3")
    with pytest.raises(ValueError, match=r"recipe\.py must name a keras_vae\.zoo\.Recipe"):
        zoo.recipe(folder, recipe=True)


@pytest.mark.parametrize("text", mutations.METRICS)
def test_metrics_of_rubbish_are_one_line(text, copied):
    folder = copied(lambda parts: parts)
    (folder / entries.METRICS).write_bytes(text)
    for verb in (zoo.load, zoo.metrics):
        with pytest.raises(
            ValueError, match=r"metrics\.json is damaged: .*Write the folder anew: keras_vae\.zoo\.save"
        ):
            verb(folder)


def test_python_objects_in_a_numpy_file_are_refused_without_numpy_s_advice(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, 3], dtype=object))
    (tmp_path / "text.npz").write_text("no numbers")
    for name, says in (
        ("objects.npy", r"holds Python objects\. Save numbers"),
        ("text.npz", "is damaged, or not"),
    ):
        with pytest.raises(ValueError, match=says) as error:
            archives.load_arrays(tmp_path / name)
        assert "allow_pickle" not in str(error.value)


ACCEPTED = ("bits", "bits_of_config")  # a bit of a name or of a time changes nothing that counts


@pytest.mark.parametrize("number", range(len(mutations.KINDS) * 2))
def test_a_damaged_or_hostile_folder_ends_in_one_line(number, good, tmp_path, unsafe):
    kind = mutations.made(tmp_path / "entry", good, number, tmp_path / "canary")
    try:
        model = zoo.load(tmp_path / "entry")
    except (ValueError, FileNotFoundError, TypeError) as error:
        assert len(str(error)) < 400  # noqa: PT017
        assert "unsafe" not in str(error)  # noqa: PT017
    else:
        assert kind in ACCEPTED
        archives.check_finite(model, "The model")
    assert not list(tmp_path.rglob("canary*"))
