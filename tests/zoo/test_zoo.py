"""Every entry loads, is what was measured, and says so; every wrong request gets one clear error."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import FrozenInstanceError, replace

import keras
import numpy as np
import pytest
from tiny import picture, weights

import keras_vae
from keras_vae import zoo
from keras_vae.zoo import cards, entries, readme, training

MODELS, CLASSIFIERS, EVERY = zoo.names(), zoo.names("classifier"), zoo.names(None)


def loads(names):
    """The names for a test that loads each entry; `make core` loads two."""
    marks = {True: (), False: pytest.mark.further}
    return [pytest.param(name, marks=marks[name in ("vae", "mvae_poe")]) for name in names]


@pytest.mark.parametrize("name", loads(EVERY))
def test_entry_gives_its_golden_outputs(name, loaded):
    model, facts = loaded(name), zoo.metrics(name)
    assert entries.model_facts(model, facts["kind"]).items() <= facts.items()
    with np.load(entries.folder(name) / entries.EXAMPLES) as stored:
        golden = {key.removeprefix("golden_"): stored[key] for key in stored if key.startswith("golden_")}
    made = training.golden_outputs(model, zoo.examples(name), facts["kind"])
    assert made.keys() == golden.keys()
    for key, value in golden.items():
        np.testing.assert_allclose(made[key], value, atol=2e-4, rtol=1e-3, err_msg=key)


@pytest.mark.parametrize("name", EVERY)
def test_card_is_fresh(name):
    assert zoo.card(name) == cards.render(zoo.recipe(name), zoo.metrics(name))


@pytest.mark.parametrize("name", EVERY)
def test_no_comparison_is_empty(name):
    text = zoo.card(name).partition("## Compared")[2].partition("## Made")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    for label, *cells in rows[:1] + rows[2:]:
        assert any(cell.strip() for cell in cells), label


@pytest.mark.parametrize("name", EVERY)
def test_entry_is_complete_and_small(name):
    folder = entries.folder(name)
    for file in (entries.ARCHIVE, entries.METRICS, entries.CARD, entries.PREVIEW, entries.EXAMPLES):
        assert (folder / file).is_file(), file
    assert (folder / entries.ARCHIVE).stat().st_size < 8e6
    picture(folder / entries.PREVIEW)


@pytest.mark.parametrize("name", entries.recipes())
def test_entry_is_whole_or_a_recipe_alone(name):
    """Else `names` would leave out, without a word, an entry that has lost its archive."""
    files = (entries.ARCHIVE, entries.METRICS, entries.CARD, entries.PREVIEW, entries.EXAMPLES)
    assert sum((entries.folder(name) / file).is_file() for file in files) in (0, len(files))


def test_the_zoo_leaves_room_in_what_a_package_may_weigh():
    # PyPI takes 100 MB a file; the entries to come want their share.
    assert sum((entries.folder(name) / entries.ARCHIVE).stat().st_size for name in EVERY) < 60e6


def test_recipes_need_no_tensorflow():
    code = "import sys; from keras_vae.zoo import entries\n"
    code += "assert all(entries.recipe(name).doc for name in entries.recipes())\n"
    code += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", EVERY)
def test_recipe_says_what_its_entry_does(name):
    recipe, facts = zoo.recipe(name), zoo.metrics(name)
    assert isinstance(recipe, zoo.Recipe)
    assert {field: facts[field] for field in ("title", "kind", "headline", "data")} == {
        field: getattr(recipe, field) for field in ("title", "kind", "headline", "data")
    }
    assert f'keras_vae.zoo.load("{name}")' in recipe.example(name)
    assert "{name}" not in recipe.example(name)
    assert recipe.doc in zoo.card(name)
    # Of one's data, not of those of the recipe that it is made of
    assert ("non-commercial" in recipe.licence) == ("svhn" in recipe.data)
    assert ("LeCun" in recipe.licence) == ("mnist" in recipe.data.replace("fashion_mnist", ""))
    assert not recipe.compared_with or name in recipe.compared_with


@pytest.mark.parametrize("field", ["title", "doc"])
def test_recipes_made_of_others_have_what_must_be_their_own(field):
    values = [getattr(zoo.recipe(name), field) for name in entries.recipes()]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": ""}, "title must be a text"),
        ({"kind": "modle"}, "kind must be one of .*model.*'modle'"),
        ({"headline": "free energy"}, "headline must be the name of a metric"),
        ({"use": "import keras_vae"}, 'use must be Python that names its entry "{name}"'),
        ({"model": None}, "model must be a function, not None"),
        ({"pairs": "mnist"}, "pairs must be a function or None"),
        ({"space": ["beta"]}, "space must be a tuple of names"),
        ({"summary": "rate"}, "summary must be a tuple of names"),
        ({"splits": ("train",)}, "splits must be a tuple: trained on, held out"),
        ({"compared_with": ("vae",)}, "compared_with must be a mapping"),
        ({"kind": "", "licence": None}, "licence must be a text.*; kind must be"),
    ],
)
def test_wrong_recipe_is_refused(fields, says):
    with pytest.raises(ValueError, match=f"The recipe '.*' is wrong: .*{says}"):
        replace(zoo.recipe("vae"), **fields)


def test_recipe_does_not_change():
    with pytest.raises(FrozenInstanceError):
        zoo.recipe("vae").kind = "classifier"


def test_card_says_what_latents_are():
    assert "VQVAE, 49 codes of 512, 1,362,373 parameters" in zoo.card("vq_vae_fashion_mnist")
    assert "VAE, 50 latents, 425,285 parameters" in zoo.card("vae")
    assert "Functional, 280,234 parameters" in zoo.card("classifier_mnist")
    rows = {name: latents for name, _, latents, *_ in cards.overview_rows(None)}
    assert (rows["vq_vae"], rows["vae"], rows["classifier_mnist"]) == ("64 codes of 512", "50", "")


@pytest.mark.parametrize("name", MODELS)
def test_metrics_are_finite_and_say_what_they_were_measured_on(name):
    facts = zoo.metrics(name)
    assert facts["headline"] in {row["name"] for row in facts["metrics"]}
    for row in facts["metrics"]:
        assert np.isfinite(row["value"])
        assert row["examples"] > 0
        assert row["split"]
        units = ("nats", "bits", "fraction", "score", "latents", "codes", "intensity", "ratio", "draws")
        assert row["unit"] in units


@pytest.mark.parametrize("name", loads(MODELS))
def test_fresh_weights_differ_from_the_trained_ones(name, loaded):
    fresh, trained = zoo.load(name, weights=False), loaded(name)
    assert fresh.count_params() == trained.count_params()
    x = zoo.examples(name)
    distances = keras.tree.map_structure(lambda a, b: np.abs(a - b).max(), fresh.embed(x), trained.embed(x))
    assert min(keras.tree.flatten(distances)) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", {zoo.metrics(name)["model"]: name for name in MODELS}.values())  # one of each model
def test_loaded_model_is_compiled_and_fine_tunes(name):
    model, x = zoo.load(name), zoo.examples(name)
    before = model.evaluate(x, verbose=0, return_dict=True)["loss"]
    history = model.fit(x, epochs=20, verbose=0).history
    assert history["loss"][-1] < before


@pytest.mark.parametrize("name", loads(MODELS))
def test_recipe_says_whether_its_models_have_a_density(name, loaded):
    assert entries.recipe(name).density == loaded(name).has_density


def test_card_sets_an_entry_beside_its_baselines_and_other_entries():
    facts = {row["name"]: row for row in zoo.metrics("ppca")["metrics"]}
    table = zoo.card("ppca").split("## Compared")[1].split("## Made")[0].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert rows[0] == ["entry", "negative log likelihood", "free energy", "reconstruction error"]
    assert [row[0] for row in rows[2:]] == list(zoo.recipe("ppca").compared_with.values())
    assert rows[2][1:] == ["", "", cards.format_value(facts["pca/reconstruction_error"])]
    assert rows[3][1] == cards.format_value(facts["closed_form/negative_log_likelihood"])
    assert rows[4][3] == cards.format_value(facts["reconstruction_error"])
    other = {row["name"]: row for row in zoo.metrics("vae_oil_flow")["metrics"]}
    assert rows[5][1] == cards.format_value(other["negative_log_likelihood"])


def test_images_ship_as_integers_and_vectors_as_they_are():
    integers, vectors = np.arange(3, dtype="uint8"), np.float32([-1.0, 300.0])
    floats = entries.as_floats({"images": integers, "vectors": vectors})
    assert {part.dtype for part in floats.values()} == {np.dtype("float32")}
    np.testing.assert_allclose(floats["images"], [0, 1 / 255, 2 / 255])
    np.testing.assert_array_equal(floats["vectors"], vectors)
    np.testing.assert_array_equal(zoo.examples("ppca"), keras_vae.data.oil_flow("test")[0][:10])


def test_results_table_in_the_readme_is_fresh():
    text = pathlib.Path(__file__).parents[2].joinpath("README.md").read_text()
    assert readme.updated(text) == text


@pytest.mark.parametrize("name", loads(CLASSIFIERS))
def test_classifiers_recognise_their_examples(name, loaded):
    digits = np.asarray(loaded(name)(zoo.examples(name))).argmax(axis=-1)
    assert (digits == np.arange(10)).sum() >= 9


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("mvae_peo", ValueError, "Did you mean 'mvae_poe'"),
        ("nothing_like_it_at_all", ValueError, "There are: .*vae"),
        ("../vae", ValueError, "not the name of an entry"),
        ("zoo/vae", ValueError, "pass a pathlib.Path"),
        ("", ValueError, "not the name of an entry"),
        (3, TypeError, "by its name or by a pathlib.Path"),
        (pathlib.Path("no_such_folder"), FileNotFoundError, "There is no model.keras"),
    ],
)
def test_wrong_name_is_refused(name, error, says):
    with pytest.raises(error, match=says):
        zoo.load(name)


@pytest.fixture
def copied_entry(tmp_path, monkeypatch):
    """A copy of the zoo's `vae` that a test may damage."""
    shutil.copytree(entries.folder("vae"), tmp_path / "vae")
    monkeypatch.setattr(entries, "ROOT", tmp_path)
    return tmp_path / "vae"


def test_damaged_archive_is_refused(copied_entry):
    archive = copied_entry / entries.ARCHIVE
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        zoo.load("vae")


def test_missing_archive_is_refused(copied_entry):
    (copied_entry / entries.ARCHIVE).unlink()
    with pytest.raises(FileNotFoundError, match="is missing"):
        zoo.load("vae")


def test_own_model_saves_and_loads_as_an_entry(tmp_path):
    x, _ = keras_vae.data.digits("test")
    model = keras_vae.VAE(latent_size=3, seed=0)
    model.compile("adam")
    model.fit(x, epochs=1, verbose=0)
    zoo.save(model, tmp_path / "mine")
    loaded = zoo.load(tmp_path / "mine")
    np.testing.assert_allclose(loaded.embed(x), model.embed(x), atol=1e-6)
    assert loaded.optimizer is not None
    with zipfile.ZipFile(tmp_path / "mine" / entries.ARCHIVE) as archive:
        assert zipfile.ZIP_LZMA not in {item.compress_type for item in archive.infolist()}
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [entries.METRICS, entries.ARCHIVE]


def test_what_a_folder_of_one_s_own_lacks_is_told_for_it(tmp_path):
    (tmp_path / entries.ARCHIVE).write_bytes(b"")
    with pytest.raises(
        FileNotFoundError, match=r"metrics\.json is missing\. Write the folder anew: keras_vae\.zoo\.save"
    ):
        zoo.metrics(tmp_path)
    for name in (entries.EXAMPLES, entries.CARD, entries.RECIPE):
        with pytest.raises(FileNotFoundError, match=f"{name} is missing.*`keras-vae train` all files but recipe.py"):
            entries.read(tmp_path, name)


def test_unbuilt_model_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="no weights yet"):
        zoo.save(keras_vae.VAE(latent_size=3), tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_kind_of_a_saved_entry_says_how_it_is_compiled(tmp_path):
    digits = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(TypeError, match=r"must be a keras_vae\.LatentVariableModel.*kind='classifier'"):
        zoo.save(digits, tmp_path / "mine")
    with pytest.raises(ValueError, match="Unknown kind"):
        zoo.save(digits, tmp_path / "mine", kind="judge")
    assert not (tmp_path / "mine").exists()
    zoo.save(digits, tmp_path / "mine", kind="classifier")
    loaded = zoo.load(tmp_path / "mine")
    assert "accuracy" in loaded.evaluate(np.ones((5, 4)), np.zeros(5), verbose=0, return_dict=True)


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    entries.write_files(tmp_path, {"a": b"old", "b": b"old"})

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        entries.write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_training_remakes_an_entry(toy):
    model, facts = training.train("toy", {"beta": 2.0}, toy / "run", verbose=0)
    assert float(model.beta) == 2.0
    training.write_entry("toy", model, facts, toy / "zoo" / "toy")
    assert zoo.names() == ["toy"]
    assert zoo.metrics("toy")["training"]["overrides"] == {"beta": 2.0}
    np.testing.assert_allclose(zoo.load("toy").embed(zoo.examples("toy")), model.embed(zoo.examples("toy")), atol=1e-6)
    assert "Free" not in zoo.card("toy")
    assert "| free energy |" in zoo.card("toy")


def test_entry_with_a_recipe_alone_is_trained_but_not_listed(toy):
    assert zoo.names(None) == []
    assert cards.overview_rows() == []
    assert "toy" not in zoo.results_table()
    assert zoo.recipe("toy").title == "Toy"
    assert zoo.load("toy", weights=False).latent_size == 2
    for verb in (zoo.load, zoo.metrics, zoo.card, zoo.examples):
        with pytest.raises(FileNotFoundError, match=r"is missing.*make the entry: keras-vae train toy"):
            verb("toy")
    with pytest.raises(ValueError, match="Did you mean 'toy'"):
        zoo.recipe("toys")


def test_card_compares_trainings_over_seeds_and_hyperparameters(toy, monkeypatch):
    model, facts = training.train("toy", {"epochs": 1}, toy / "run", verbose=0)
    training.write_entry("toy", model, facts, toy / "zoo" / "toy")

    def trained(overrides, value):
        return {
            "training": {"overrides": overrides},
            "metrics": [{"name": "gap", "value": value, "unit": "score", "examples": 1}],
        }

    known = [trained({}, 0.1), trained({"beta": 9.0}, 0.5), trained({"seed": 1}, 0.3)]
    entries.write_files(toy / "zoo" / "toy", {entries.TRAININGS: entries.to_json(known)})
    recipe = replace(zoo.recipe("toy"), compared_with={"toy": "Toy"}, summary=("gap", "unmeasured"))
    text = cards.render(recipe, zoo.metrics("toy"))
    assert "| Toy, 2 seeds | 0.200 ± 0.141 |  |" in text
    assert "| Toy, beta 9 | 0.500 |  |" in text
    assert "standard deviation over trainings" in text


def test_weights_are_rounded_by_less_than_one_in_1000():
    weights = np.random.default_rng(0).normal(size=1000).astype("float32")
    rounded = training._rounded(weights)
    np.testing.assert_allclose(rounded, weights, rtol=1e-3)
    assert not (rounded.view("uint32") & 0x3FFF).any()
    assert training._rounded(np.arange(3)).tolist() == [0, 1, 2]


def test_mixed_precision_training_gives_a_float32_entry(toy):
    model, facts = training.train("toy", {"epochs": 1}, toy / "run", precision="mixed_bfloat16", verbose=0)
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    assert facts["command"].endswith("--precision mixed_bfloat16")


def test_unknown_hyperparameter_is_refused(toy):
    with pytest.raises(ValueError, match=r"no \['betta'\].*beta"):
        training.train("toy", {"betta": 2.0}, toy / "run")


def test_other_hyperparameters_do_not_go_on_from_a_run(toy):
    training.train("toy", {"epochs": 1}, toy / "run", verbose=0)
    with pytest.raises(ValueError, match="other hyperparameters"):
        training.train("toy", {"epochs": 1, "beta": 3.0}, toy / "run", verbose=0)


KILLED = """
import os, pathlib, sys
import keras
from keras_vae.zoo import entries, training

entries.ROOT = pathlib.Path(sys.argv[1]) / "zoo"


class Kill(training._Checkpoint):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:  # killed while it writes the third epoch's checkpoint
            (self.folder / "writing.keras").write_bytes(b"half")
            os.kill(os.getpid(), 9)
        super().on_epoch_end(epoch, logs)


training._Checkpoint = Kill
training.train("toy", {"epochs": 5}, sys.argv[1] + "/run", verbose=0)
"""


RESUMED = """
import pathlib, sys
from keras_vae.zoo import entries, training

entries.ROOT = pathlib.Path(sys.argv[1]) / "zoo"
started = []


class Spy(training._Checkpoint):
    def on_epoch_begin(self, epoch, logs=None):
        started.append(epoch)


training._Checkpoint = Spy
model, facts = training.train("toy", {"epochs": 5}, sys.argv[1] + "/run", verbose=0)
print(f"epochs {started}, {int(model.optimizer.iterations)} steps")
"""


@pytest.mark.slow
def test_killed_training_goes_on_from_the_last_finished_epoch(toy):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(toy)], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00001", "epoch-00002"]
    resumed = subprocess.run([sys.executable, "-c", RESUMED, str(toy)], check=True, capture_output=True, text=True)
    assert resumed.stdout.strip().splitlines()[-1] == "epochs [2, 3, 4], 75 steps"
    assert json.loads((toy / "run" / "overrides.json").read_text()) == {"epochs": 5}


IN_TWO_STAGES = """
import dataclasses


def training(epochs=3, learning_rate=1e-3):
    import keras

    first = {"compile": {"optimizer": keras.optimizers.Adam(learning_rate)}, "epochs": 2, "frozen": ("decoder",)}
    second = {"compile": {"optimizer": keras.optimizers.SGD(1e-4)}, "epochs": epochs, "settings": {"seed": 7}}
    return [first, {**second, "frozen": ("encoder", "posterior")}]


RECIPE = dataclasses.replace(RECIPE, training=training)
"""


@pytest.fixture
def staged(toy):
    """The toy, trained in two stages: without its decoder, then the decoder alone."""
    with open(toy / "zoo" / "toy" / entries.RECIPE, "a") as recipe:
        recipe.write(IN_TWO_STAGES)
    return toy


@pytest.mark.slow
def test_each_stage_of_a_training_leaves_its_frozen_parts_alone_and_gives_them_back(staged, monkeypatch):
    kept = {}

    class Spy(training._Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            kept[epoch] = {part: weights(getattr(self.model, part)) for part in ("encoder", "posterior", "decoder")}
            kept[epoch]["optimizer"] = type(self.model.optimizer).__name__, int(self.model.optimizer.iterations)
            kept[epoch]["seed"] = self.model.seed

    monkeypatch.setattr(training, "_Checkpoint", Spy)
    model, facts = training.train("toy", {"epochs": 1}, staged / "run", verbose=0)
    assert facts["epochs"] == 3
    first, second, third = kept.values()
    assert [stage["optimizer"] for stage in (first, second, third)] == [("Adam", 15), ("Adam", 30), ("SGD", 15)]
    assert [stage["seed"] for stage in (first, second, third)] == [0, 0, 7]
    np.testing.assert_array_equal(first["decoder"], second["decoder"])
    assert not np.array_equal(first["encoder"], second["encoder"])
    for part in ("encoder", "posterior"):
        np.testing.assert_array_equal(second[part], third[part])
    assert not np.array_equal(second["decoder"], third["decoder"])
    assert all(weight.trainable for weight in model.encoder.weights + model.decoder.weights + model.posterior.weights)


@pytest.mark.slow
def test_killed_training_goes_on_amid_its_stage(staged):
    killed = KILLED.replace("epoch == 2", "epoch == 4")
    killed = subprocess.run([sys.executable, "-c", killed, str(staged)], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    resumed = subprocess.run([sys.executable, "-c", RESUMED, str(staged)], check=True, capture_output=True, text=True)
    assert resumed.stdout.strip().splitlines()[-1] == "epochs [4, 5, 6], 75 steps"  # of the second stage


@pytest.mark.parametrize(
    ("name", "metric", "tolerance"),
    [
        pytest.param("classifier_svhn", "accuracy", 2e-3, marks=pytest.mark.data("svhn_cropped")),
        ("ppca", "negative_log_likelihood", 1e-4),
        ("ppca", "closed_form/negative_log_likelihood", 1e-4),
    ],
)
def test_a_card_figure_is_measured_again(name, metric, tolerance, loaded):
    facts = {row["name"]: row["value"] for row in zoo.metrics(name)["metrics"]}
    measured = {row["name"]: row["value"] for row in training.measure(zoo.recipe(name), loaded(name))}
    assert measured[metric] == pytest.approx(facts[metric], abs=tolerance)
