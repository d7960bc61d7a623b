"""A search over a recipe's hyperparameters finds the better ones, goes on after a kill, and survives failed trials."""

import json
import math
import subprocess
import sys

import keras
import numpy as np
import pytest
from tiny import picture

from keras_vae import plots, tuning
from keras_vae.tuning import hypermodel, objectives
from keras_vae.zoo import Recipe, entries, training

pytestmark = pytest.mark.further  # searches: `make core` has the names that they rest on

keras_tuner = pytest.importorskip("keras_tuner")
SMALL = {"latent_size": 4, "epochs": 2}


@pytest.fixture
def search(toy):
    def run(space, trials=2, **kwargs):
        kwargs = {"fixed": SMALL, "directory": toy / "tuning", "verbose": 0, **kwargs}
        return tuning.search("toy", space, trials, **kwargs)

    return run


def rows(toy):
    return tuning.trials(toy / "tuning" / "toy")


@pytest.mark.slow
def test_search_prefers_the_beta_with_the_higher_log_likelihood_and_writes_what_train_takes(search, toy, capsys):
    best = search({"beta": [200, 1.0]}, verbose=1)
    assert best == {"beta": 1.0, **SMALL}
    folder = toy / "tuning" / "toy"
    assert json.loads((folder / "best.json").read_text()) == best
    picture(folder / "rate_distortion.png")
    first, second = rows(toy)
    assert first["values"] == {"beta": 1.0}  # the recipe as it is
    assert first["measured"]["log_likelihood"] > second["measured"]["log_likelihood"]
    # Never below: the log-likelihood bound is tighter than the free energy's, of one draw
    assert -first["measured"]["log_likelihood"] < first["measured"]["free_energy"] + 0.5
    table = (folder / "trials.md").read_text().splitlines()
    assert table[2].startswith("| 1 | 1 |")
    assert table[3].startswith("| 2 | 200 |")
    assert "trial 2: log_likelihood" in capsys.readouterr().out
    model, _ = training.train("toy", {**best, "epochs": 1}, toy / "run", verbose=0)
    assert model.latent_size == 4


@pytest.mark.slow
def test_executions_of_a_trial_have_one_seed_after_another_and_their_mean_counts(search, toy):
    values = []
    for seed in (3, 4):
        search({"beta": [1.0]}, trials=1, fixed={**SMALL, "seed": seed}, directory=toy / f"seed_{seed}")
        values.append(tuning.trials(toy / f"seed_{seed}" / "toy")[0]["measured"]["log_likelihood"])
    best = search({"beta": [1.0, 0.5]}, trials=1, fixed={**SMALL, "seed": 3}, executions=2)
    assert best["seed"] == 3
    assert values[0] != values[1]
    assert rows(toy)[0]["measured"]["log_likelihood"] == pytest.approx(np.mean(values), abs=1e-3)
    assert rows(toy)[0]["measured"]["log_likelihood_sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-3)
    assert entries.read_archive(toy / "tuning" / "toy" / "trial_0" / "model.keras").seed == 3


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ["bayesian", "grid"])
def test_a_search_goes_on_and_repeats_no_trial(search, toy, capsys, oracle):
    search({"beta": (0.5, 2.0)}, trials=1, oracle=oracle)
    folder = toy / "tuning" / "toy"
    before = {path: path.read_bytes() for path in folder.glob("trial_*/trial.json")}
    search({"beta": (0.5, 2.0)}, trials=2, oracle=oracle, verbose=1)
    assert len(before) == 1
    assert [line[:8] for line in capsys.readouterr().out.splitlines() if ": " in line][:2] == ["trial 2:"] * 2
    assert {path: path.read_bytes() for path in before} == before
    assert len({row["values"]["beta"] for row in rows(toy)}) == 2


def test_another_search_in_the_same_folder_is_refused(search):
    search({"beta": [1.0]}, trials=1)
    with pytest.raises(ValueError, match="other settings"):
        search({"beta": [2.0]}, trials=1)


@pytest.mark.slow
def test_failed_trials_are_recorded_and_survived(search, toy):
    best = search({"learning_rate": [1e-3, 1e30, 1e31, 1e32]}, trials=4, oracle="grid")
    assert best["learning_rate"] == 1e-3
    assert [row["status"] for row in rows(toy)] == [
        "COMPLETED",
        *["FAILED"] * 3,
    ]  # after three in a row keras-tuner itself gives up
    assert "FloatingPointError" in rows(toy)[1]["message"]
    assert "failed: FloatingPointError" in (toy / "tuning" / "toy" / "trials.md").read_text()


@pytest.mark.slow
def test_an_error_when_every_trial_failed(search):
    with pytest.raises(RuntimeError, match=r"No trial was completed\. FloatingPointError"):
        search({"beta": [1.0]}, trials=1, fixed={**SMALL, "learning_rate": 1e30})


@pytest.mark.slow
def test_hyperband_gives_trials_their_epochs(search, toy, capsys):
    best = search({"beta": (0.5, 2.0)}, oracle="hyperband", fixed={"latent_size": 4}, epochs=3, verbose=1)
    assert [row["status"] for row in rows(toy)] == ["COMPLETED"] * 2
    assert "epochs=1" in capsys.readouterr().out  # the first ones are short
    assert best["epochs"] == 3


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"space": {"betta": [1.0]}}, r"no \['betta'\]"),
        ({"space": {"beta": (2.0, 1.0)}}, "lowest < highest"),
        ({"space": {"beta": 1.0}}, "list of values"),
        ({"space": {}}, "nothing to search"),
        ({"space": {"latent_size": [2]}}, "searched and fixed at once"),
        ({"space": {"beta": [1.0]}, "objective": "loss"}, "Unknown objective 'loss'.*log_likelihood"),
        ({"space": {"beta": [1.0]}, "objective": "coherence"}, "needs a recipe with a function `pairs`"),
        ({"space": {"beta": [[1.0]]}}, "chosen from numbers"),
        ({"space": {"beta": [1.0]}, "oracle": "annealing"}, "Unknown oracle 'annealing'.*hyperband"),
        ({"space": {"beta": [1.0]}, "precision": "float8"}, "Unknown precision"),
        ({"space": {"beta": [1.0]}, "executions": 0}, "executions must be a positive integer"),
        ({"space": {"beta": [1.0]}, "workers": 0}, "workers must be a positive integer"),
        ({"space": {"beta": [1.0]}, "trials": 0}, "trials must be a positive integer"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(search, toy, kwargs, message):
    with pytest.raises(ValueError, match=message):
        search(**kwargs)
    assert not (toy / "tuning").exists()


def test_space_of_the_command_line(toy):
    recipe = entries.recipe("toy")
    got = tuning.parse_space(recipe, ["beta", "latent_size=2:9", "learning_rate=0.001,0.01"])
    assert got == {"beta": (0.25, 4.0), "latent_size": (2, 9), "learning_rate": [0.001, 0.01]}
    assert tuning.default_space(recipe) == {"beta": (0.25, 4.0), "latent_size": (1, 8)}
    with pytest.raises(ValueError, match="seed=LOWEST:HIGHEST"):
        tuning.parse_space(recipe, ["seed"])


def test_objectives_do_not_depend_on_beta(toy):
    recipe = entries.recipe("toy")
    x = objectives.held_out(recipe, {"beta": 3.0})
    assert len(x) > 100
    values = []
    for beta in (1.0, 50.0):
        keras.utils.set_random_seed(0)
        model = recipe.model(beta=beta)
        model.compile()
        trained = objectives.Trained(model, recipe, x, {})
        names = ("log_likelihood", "free_energy", "hypervolume")
        values.append([tuning.OBJECTIVES[name].function(trained) for name in names])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-6)


@pytest.mark.slow
def test_a_search_of_models_without_likelihoods_goes_by_the_distance_of_their_samples(tmp_path):
    fixed = {"dataset": "digits", "components": 2, "width": 20}
    found = tuning.search("rae", {"latent_size": [1, 12]}, 2, 10, fixed, tmp_path, oracle="grid", verbose=0)
    first, second = tuning.trials(tmp_path / "rae")
    assert found["latent_size"] == 12
    assert second["measured"]["frechet_distance"] < first["measured"]["frechet_distance"]
    assert set(second["measured"]) == {"frechet_distance", "distortion", "seconds"}
    assert not (tmp_path / "rae" / "rate_distortion.png").exists()
    with pytest.raises(ValueError, match=r"log_likelihood needs models with a density.*\['frechet_distance'\]"):
        tuning.search("rae", fixed=fixed, directory=tmp_path / "other", objective="log_likelihood")
    assert not (tmp_path / "other").exists()


def test_hypervolume_is_an_area_of_the_plane():
    assert objectives.area(rate=10.0, distortion=60.0, start=100.0) == pytest.approx(0.4 * 0.9)
    assert objectives.area(rate=120.0, distortion=60.0, start=100.0) == 0.0
    assert objectives.area(rate=20.0, distortion=-90.0, start=-50.0) == pytest.approx(40 * 30 / 2500)


def test_what_recipes_say_of_tuning_is_theirs():
    for name in entries.recipes():
        recipe = entries.recipe(name)
        assert recipe.space == Recipe.space or set(recipe.space) <= set(hypermodel.own_values(recipe)), name
        assert all("test" not in split for split in recipe.splits)
    assert tuning.default_space(entries.recipe("poise_vae")) == {"beta": (0.25, 4.0), "coupled": (3, 48)}


@pytest.mark.slow
def test_a_killed_search_goes_on_with_two_workers_to_exactly_the_trials_asked_for(tmp_path):
    small = {"dataset": "digits", "latent_size": 2, "width": 8, "epochs": 2}
    (tmp_path / "small.json").write_text(json.dumps(small))
    arguments = f"tune vae --over beta --set {tmp_path / 'small.json'} -n 4 -d {tmp_path}".split()
    command = [sys.executable, "-c", "from keras_vae.cli import main; main()", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("trial 3:"):
            break
    process.kill()
    process.wait()
    before = [row for row in tuning.trials(tmp_path / "vae") if row["status"] == "COMPLETED"]
    assert len(before) == 2
    best = tuning.search("vae", {"beta": (0.25, 4.0)}, 4, fixed=small, directory=tmp_path, workers=2)
    after = tuning.trials(tmp_path / "vae")
    assert [row["status"] for row in after] == ["COMPLETED"] * 4
    assert after[:2] == before
    assert tuning.search("vae", {"beta": (0.25, 4.0)}, 4, fixed=small, directory=tmp_path, workers=2) == best  # at once
    assert best == {**small, **max(after, key=lambda row: row["measured"]["log_likelihood"])["values"]}


def test_picture_of_rates_and_distortions():
    figure = plots.rate_distortion([(3.9, 20.4), (19.2, 11.5)], {"beta": [1.0, 0.4]}, {"best": 0, "first": 1}, "title")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["best", "first", "equal free energy"]
    line = axes.lines[0].get_xydata()
    assert math.isclose(line[0].sum(), line[1].sum())
