"""A search loses nothing: not to a kill at any moment, not to files that are damaged, not to a full disk."""

import errno
import importlib
import json
import os
import signal
import warnings

import pytest

pytest.importorskip("keras_tuner")

from keras_vae import tuning
from keras_vae.tuning import private

pytestmark = pytest.mark.further  # `make core` has the names that it rests on

search_module = importlib.import_module("keras_vae.tuning.search")  # `tuning.search` is the function
SPACE, TRIALS = {"beta": (0.5, 2.0), "latent_size": (2, 9)}, 4


class Killed(BaseException):
    """What a kill is to the process that it meets."""


@pytest.fixture
def search(toy, monkeypatch):
    """A search whose trials take no time; `search.ran` lists the values of each that was trained."""
    ran = []

    def execute(self, trial, index, archive):
        values = trial.hyperparameters.values
        ran.append(dict(values))
        return {"log_likelihood": -values["beta"], "free_energy": 2.0, "distortion": 1.0, "rate": values["beta"]}

    monkeypatch.setattr(search_module.RecipeTuner, "_execute", execute)
    monkeypatch.setattr(search_module.plots, "write", lambda figure, path: None)
    monkeypatch.setattr(search_module.keras.backend, "clear_session", lambda: None)  # it takes a second

    def run(trials=TRIALS, space=SPACE, oracle="random"):
        options = {"epochs": 3} if oracle == "hyperband" else {"fixed": {"epochs": 1}}
        return tuning.search("toy", space, trials, directory=toy, verbose=0, oracle=oracle, **options)

    run.ran, run.folder = ran, toy / "toy"
    return run


def rows(search):
    return tuning.trials(search.folder) if search.folder.is_dir() else []


def test_a_search_that_nothing_happens_to_warns_of_nothing(search):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        search(2)
        search()
    assert len(search.ran) == TRIALS


@pytest.mark.parametrize("oracle", ["bayesian", "random", "grid", "hyperband"])
def test_a_kill_at_any_write_costs_the_trial_that_ran_at_most(search, monkeypatch, oracle, tmp_path):
    replace, left = os.replace, [0]

    def dies(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        replace(source, target)

    search(oracle=oracle)
    expected, kills = len(rows(search)), 0
    search.folder.rename(tmp_path / "undisturbed")
    search.ran.clear()
    monkeypatch.setattr(os, "replace", dies)
    for writes in range(40):
        finished = {row["trial"]: row for row in rows(search) if row["status"] == "COMPLETED"}
        left[0] = writes % 7  # a search that starts anew, or goes on, gets so far
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                search(oracle=oracle)
            except Killed:
                kills += 1
            else:
                break
        after = {row["trial"]: row for row in rows(search)}
        assert {number: after[number] for number in finished} == finished
    assert kills > 5
    assert len(search.ran) <= expected + kills
    assert [row["status"] for row in rows(search)] == ["COMPLETED"] * expected
    assert [row["trial"] for row in rows(search)] == list(range(1, expected + 1))


@pytest.mark.parametrize("damage", [b"", b'{"trial_id": "1", "hyper', b"\x80garbage", b"null", b"{}", b"\0" * 99, None])
@pytest.mark.parametrize("name", ["trial_1/trial.json", "oracle.json"])
@pytest.mark.parametrize("oracle", ["random", "grid"])
def test_a_damaged_file_is_named_set_aside_and_its_trial_tried_again(search, oracle, name, damage):
    search(3, oracle=oracle)
    before, path = rows(search), search.folder / name
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    search.ran.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        search(oracle=oracle)
    said = [str(one.message) for one in caught if "cannot be read" in str(one.message)]
    assert len(said) == (0 if damage is None and name == "oracle.json" else 1)
    assert all(name in text for text in said)
    if damage is not None:
        assert path.with_name(f"{path.name}.unreadable").read_bytes() == damage
    after = rows(search)
    assert [row["status"] for row in after] == ["COMPLETED"] * TRIALS
    assert after[:3] == before  # the trial was tried again with its own values, which the oracle's file has
    again = [before[1]["values"]] if name.startswith("trial") else []
    assert search.ran == [*again, after[3]["values"]]


@pytest.mark.parametrize("oracle", ["bayesian", "grid", "hyperband"])
def test_without_the_oracle_and_a_trial_the_others_stay_and_as_many_are_tried(search, oracle):
    search(oracle=oracle)
    before = rows(search)
    (search.folder / private.ORACLE_FILE).write_bytes(b"")
    (search.folder / "trial_1" / private.TRIAL_FILE).write_bytes(b"")
    search.ran.clear()
    with pytest.warns(RuntimeWarning, match=r"oracle\.json \(empty\), trial_1/trial\.json \(empty\)"):
        search(oracle=oracle)
    after = rows(search)
    assert [row["status"] for row in after] == ["COMPLETED"] * len(before)
    assert [after[index] for index in (0, *range(2, len(before)))] == [before[0], *before[2:]]
    assert len(search.ran) == 1
    if oracle == "grid":
        assert after == before  # the one combination that was missing
    search(oracle=oracle)
    assert len(search.ran) == 1


def test_files_of_a_version_that_kept_no_values_are_read(search):
    search(3)
    path = search.folder / private.ORACLE_FILE
    state = json.loads(path.read_bytes())
    del state[private.VALUES]
    path.write_text(json.dumps(state))
    (search.folder / "trial_0" / private.TRIAL_FILE).write_bytes(b"")
    search.ran.clear()
    with pytest.warns(RuntimeWarning, match=r"without what cannot be read: trial_0/trial\.json \(empty\)\."):
        search()
    assert search.ran[0] == {"beta": 1.0, "latent_size": 2}  # the first trial has the recipe's values
    assert [row["status"] for row in rows(search)] == ["COMPLETED"] * TRIALS


def test_a_trial_that_cannot_be_read_is_left_out_of_the_results_with_a_warning(search):
    search(3)
    (search.folder / "trial_1" / private.TRIAL_FILE).write_bytes(b"[")
    with pytest.warns(RuntimeWarning, match=r"trial_1/trial\.json cannot be read \(no JSON\)"):
        left = rows(search)
    assert [row["trial"] for row in left] == [1, 3]


@pytest.mark.parametrize("fails", [1, 2, 3, 4, 5])
def test_a_full_disk_gives_one_error_and_loses_nothing(search, monkeypatch, fails):
    search(2)
    before, fsync, count = rows(search), os.fsync, [0]

    def full(descriptor):
        count[0] += 1
        if count[0] > fails:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RuntimeError, match=r"No space left on device\. Make room.*start it again") as error:
        search()
    assert len(str(error.value)) < 300 + len(str(search.folder))
    assert rows(search)[:2] == before
    assert not list(search.folder.rglob("*.tmp"))
    monkeypatch.setattr(os, "fsync", fsync)
    search()
    assert rows(search)[:2] == before
    assert [row["status"] for row in rows(search)] == ["COMPLETED"] * TRIALS


def test_a_stop_that_comes_out_as_another_error_is_no_failed_trial(search, monkeypatch):
    def execute(self, trial, index, archive):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("what C++ makes of it") from None

    search(1)
    with monkeypatch.context() as patch:
        patch.setattr(search_module.RecipeTuner, "_execute", execute)
        with pytest.raises(KeyboardInterrupt):
            search(2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [row["status"] for row in rows(search)] == ["COMPLETED", "RUNNING"]
    search(2)
    assert [row["status"] for row in rows(search)] == ["COMPLETED"] * 2


def test_a_model_that_cannot_be_written_is_no_failed_trial(search, monkeypatch):
    def execute(self, trial, index, archive):
        with private.disk(archive.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    search(1)
    with monkeypatch.context() as patch:
        patch.setattr(search_module.RecipeTuner, "_execute", execute)
        with pytest.raises(RuntimeError, match="No space left"):
            search(2)
    assert [row["status"] for row in rows(search)] == ["COMPLETED", "RUNNING"]
    search(2)
    assert [row["status"] for row in rows(search)] == ["COMPLETED"] * 2
