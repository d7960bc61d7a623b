"""What `tuning/private.py` uses of keras-tuner beyond its documentation is there: each name fails by itself."""

import inspect
import json
import pathlib
import re

import pytest

keras_tuner = pytest.importorskip("keras_tuner")

from keras_vae.tuning import private  # noqa: E402

BASE, HYPERBAND = keras_tuner.Oracle, keras_tuner.oracles.HyperbandOracle
OBJECTIVE = keras_tuner.Objective("score", "max")


def lacks(name, use):
    return f"keras-tuner {keras_tuner.__version__} has no {name} any more, which tuning/private.py needs: {use}."


@pytest.mark.parametrize(
    ("owner", "name", "use"),
    [
        (keras_tuner.Tuner, "_populate_initial_space", "names the space without building a model"),
        (BASE, "_get_oracle_fname", "where the state of a search is"),
        (BASE, "_project_dir", "the folder of a search"),
        (BASE, "_save_trial", "writes the file of a trial"),
        (BASE, "_record_values", "says which values were tried"),
        (BASE, "populate_space", "new values for a trial whose file is lost"),
        (BASE, "end_trial", "finishes a trial that was measured before a kill"),
        (BASE, "get_state", "what is written of a search"),
        (BASE, "set_state", "what is read of a search"),
        (private.Trial, "from_state", "reads a trial"),
        (private.Trial, "get_state", "writes a trial"),
        (keras_tuner.errors, "FatalRuntimeError", "an error of the disk that is no trial's failure"),
        *((private.TrialStatus, name, "a trial's status") for name in ("RUNNING", "COMPLETED", "FAILED", "INVALID")),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_name_of_a_class(owner, name, use):
    assert hasattr(owner, name), lacks(f"{owner.__name__}.{name}", use)


@pytest.mark.parametrize(
    "name", ["_retry_queue", "_seed_state", "tuner_ids", "trials", "start_order", "hyperparameters"]
)
def test_attribute_of_an_oracle(name):
    assert hasattr(BASE(objective=OBJECTIVE), name), lacks(f"Oracle.{name}", "state that `reload` mends")


@pytest.mark.parametrize("key", ["start_order", "end_order", "ongoing_trials", "retry_queue", "seed_state"])
def test_state_of_an_oracle(key):
    assert key in BASE(objective=OBJECTIVE).get_state(), lacks(f"key {key!r} in the state of an Oracle", "`reload`")


@pytest.mark.parametrize("key", ["brackets", "current_bracket"])
def test_state_of_hyperband(key):
    state = HYPERBAND(objective=OBJECTIVE, max_epochs=9).get_state()
    assert key in state, lacks(f"key {key!r} in the state of a HyperbandOracle", "its rounds")
    assert {"bracket_num", "rounds"} <= set(state["brackets"][0]), lacks("bracket_num or rounds in a bracket", "rounds")


@pytest.mark.parametrize("key", [private.EPOCHS, private.BRACKET, private.ROUND, private.PAST])
def test_values_that_hyperband_adds(key):
    source = inspect.getsource(HYPERBAND.populate_space)
    assert f'"{key}"' in source, lacks(
        f"value {key!r} of Hyperband's trials", "their epochs, and their place in a round"
    )


@pytest.fixture
def oracle(tmp_path):
    space = keras_tuner.HyperParameters()
    space.Float("beta", 1.0, 2.0)
    made = keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, max_trials=3, hyperparameters=space, seed=1)
    made.verbose = 0
    made._set_project_dir(str(tmp_path), "search")
    return made


def test_files_of_keras_tuner_itself_have_the_names_that_are_read(oracle, tmp_path):
    trial = oracle.create_trial("tuner0")
    files = {str(path.relative_to(tmp_path / "search")) for path in tmp_path.glob("search/**/*.json")}
    wanted = {private.ORACLE_FILE, f"{private.TRIAL_FOLDER}{trial.trial_id}/{private.TRIAL_FILE}"}
    assert files == wanted, lacks(f"files {sorted(wanted)}, but {sorted(files)}", "what a search left")
    assert private.read_trial(private.trial_files(tmp_path / "search")[0]).get_state() == trial.get_state()


def test_trials_are_written_by_save_trial_and_an_oracle_by_save(oracle, monkeypatch):
    called = []
    monkeypatch.setattr(type(oracle), "_save_trial", lambda self, trial: called.append("_save_trial"))
    monkeypatch.setattr(type(oracle), "save", lambda self: called.append("save"))
    trial = oracle.create_trial("tuner0")
    oracle.update_trial(trial.trial_id, {"score": 1.0})
    trial.status = private.COMPLETED
    oracle.end_trial(trial)
    expected = ["_save_trial", "save", "_save_trial", "_save_trial", "save"]
    assert called == expected, lacks(f"order of writes {expected}, but {called}", "what a kill in between leaves")


def test_a_trial_holds_its_metrics_where_they_are_read(oracle):
    trial = oracle.create_trial("tuner0")
    oracle.update_trial(trial.trial_id, {"score": 0.5})
    state = json.loads(json.dumps(trial.get_state()))
    assert trial.metrics.exists("score"), lacks("MetricsTracker.exists", "which trials were measured")
    value = state["metrics"]["metrics"]["score"]["observations"][-1]["value"][0]
    assert value == 0.5, lacks("metrics of a trial's state", "results")
    assert state["hyperparameters"]["values"].keys() == {"beta"}, lacks("values of a trial's state", "results")


def test_private_names_stand_in_one_file():
    private_of = r"(?:oracle|made|trial|tuner|hp|hypermodel|super\(\))\._[a-z]\w*"
    for path in pathlib.Path(private.__file__).parent.glob("*.py"):
        if path.name != "private.py":
            found = re.findall(
                rf'{private_of}|\.engine\.\w+|"(?:oracle|trial)\.json"|"tuner/|tuner_ids', path.read_text()
            )
            assert not found, f"{path.name} has {found}: move it to private.py."
