"""What a training survives: NaN, damaged checkpoints, another training, signals, the disk."""

import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from tiny import weights

from keras_vae.zoo import archives, entries, files, training


class NaN(keras.callbacks.Callback):
    """Spoils a weight at the end of an epoch, as a step that was too long; the losses know nothing of it."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            bias = self.model.decoder.weights[-1]
            bias.assign(bias * np.nan)


SPOILED = """
import dataclasses


def training(epochs=4):
    from test_training import NaN

    return {"compile": {"optimizer": "adam"}, "epochs": epochs, "callbacks": [NaN()]}


RECIPE = dataclasses.replace(RECIPE, training=training)
"""


def names(folder):
    return [path.name[:11] for path in training._checkpoints(folder)]


def spoil(path):
    path.write_bytes(path.read_bytes()[:-1000])


def test_an_epoch_of_nan_leaves_the_checkpoints_before_it(toy):
    with open(toy / "zoo" / "toy" / entries.RECIPE, "a") as recipe:
        recipe.write(SPOILED)
    with pytest.raises(
        FloatingPointError, match=r"Epoch 3 ended with .*NaN or infinite.*epoch-00002.* is the last good"
    ):
        training.train("toy", run=toy / "run", verbose=0)
    assert names(toy / "run") == ["epoch-00001", "epoch-00002"]
    assert np.isfinite(weights(entries.read_archive(training._checkpoints(toy / "run")[-1]))).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_epoch_of_infinite_losses_is_not_saved(value, tmp_path):
    checkpoint = training._Checkpoint(tmp_path, 0, 0.0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    checkpoint.set_model(model)
    with pytest.raises(FloatingPointError, match=f"Epoch 1 ended with loss {value}. It was not saved. Lower the"):
        checkpoint.on_epoch_end(0, {"loss": value})
    assert not list(tmp_path.iterdir())


def test_two_checkpoints_are_kept_and_a_damaged_one_is_set_aside(toy):
    training.train("toy", {"epochs": 3}, toy / "run", verbose=0)
    assert names(toy / "run") == ["epoch-00002", "epoch-00003"]
    newest = training._checkpoints(toy / "run")[-1]
    whole = newest.read_bytes()
    spoil(newest)
    with pytest.warns(
        UserWarning, match=rf"{newest.name} is damaged.*set aside \({newest.name}.damaged\).*epoch-00002"
    ) as told:
        model, _ = training.train("toy", {"epochs": 3}, toy / "run", verbose=0)
    assert len([each for each in told if "set aside" in str(each.message)]) == 1
    assert int(model.optimizer.iterations) == 45
    assert names(toy / "run") == ["epoch-00002", "epoch-00003"]
    assert newest.with_name(f"{newest.name}.damaged").is_file()
    for path in training._checkpoints(toy / "run"):
        path.write_bytes(whole[:500])
    with pytest.raises(
        ValueError, match=f"is damaged.* No other checkpoint is left: delete {toy / 'run'} to begin anew"
    ):
        training.train("toy", {"epochs": 3}, toy / "run", verbose=0)
    assert names(toy / "run") == ["epoch-00002", "epoch-00003"]


def test_a_run_binds_nothing_before_its_first_checkpoint(toy, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_stages", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            training.train("toy", {"epochs": 1, "beta": 3.0}, toy / "run", verbose=0)
    training.train("toy", {"epochs": 1}, toy / "run", verbose=0)
    assert json.loads((toy / "run" / "overrides.json").read_text()) == {"epochs": 1}


def test_a_second_training_in_a_folder_is_refused(toy):
    (toy / "run").mkdir()
    says = f"belongs to a training that still runs: process {os.getpid()} on"
    with files.owned(toy / "run"), pytest.raises(RuntimeError, match=says):
        training.train("toy", {"epochs": 1}, toy / "run", verbose=0)


def test_a_full_disk_loses_no_checkpoint(toy, monkeypatch):
    training.train("toy", {"epochs": 2}, toy / "run", verbose=0)
    kept = {path: path.read_bytes() for path in training._checkpoints(toy / "run")}
    model = entries.read_archive(list(kept)[-1])
    checkpoint = training._Checkpoint(toy / "run", 0, time.monotonic())
    checkpoint.set_model(model)

    def full(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", full)
    with pytest.raises(OSError, match=r"No space left on device\. Make room.* same command: it goes on from the last"):
        checkpoint.on_epoch_end(2, {})
    assert {path: path.read_bytes() for path in training._checkpoints(toy / "run")} == kept
    assert not (toy / "run" / "writing.keras").exists()


def test_an_entry_measured_anew_keeps_its_archive(toy):
    model, facts = training.train("toy", {"epochs": 1}, toy / "run", verbose=0)
    training.write_entry("toy", model, facts, toy / "zoo" / "toy")
    before = (toy / "zoo" / "toy" / entries.ARCHIVE).stat()
    data, known = entries.checked(entries.folder("toy"))
    model = entries.load("toy")
    assert archives.archive_of(model) == data  # and so without `archive`, by the same version of HDF5
    training.write_entry("toy", model, known["training"], toy / "zoo" / "toy", archive=data)
    assert (toy / "zoo" / "toy" / entries.ARCHIVE).stat().st_ino == before.st_ino


def test_a_folder_that_cannot_be_written_is_refused_before_it_is_measured(toy, monkeypatch):
    made = training.tempfile.TemporaryFile

    def refuse(*args, dir=None, **kwargs):
        if dir == toy / "entry":
            raise PermissionError(13, "Permission denied", str(dir))
        return made(*args, dir=dir, **kwargs)

    model = entries.recipe("toy").model()
    monkeypatch.setattr(training.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(training, "measure", lambda *_, **__: pytest.fail("It was measured."))
    with pytest.raises(PermissionError, match=r"entry cannot be written: Permission denied\. Mend that"):
        training.write_entry("toy", model, {"overrides": {}}, toy / "entry")


STOPPED = """
import pathlib, sys
from keras_vae import cli
from keras_vae.zoo import entries
entries.ROOT = pathlib.Path(sys.argv.pop(1)) / "zoo"
cli.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_says_how_to_go_on(number, status, toy):
    settings = toy / "set.json"
    settings.write_text(json.dumps({"epochs": 10**6}))
    command = [
        sys.executable,
        "-c",
        STOPPED,
        str(toy),
        "train",
        "toy",
        "--set",
        str(settings),
        "--run",
        str(toy / "run"),
    ]
    stopped = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 120
        while not names(toy / "run") and stopped.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        stopped.send_signal(number)
        _, said = stopped.communicate(timeout=60)
    finally:
        stopped.kill()
    assert stopped.returncode == status, said
    by = {130: "Ctrl-C", 143: "SIGTERM"}[status]
    assert said.strip().splitlines()[-1] == (
        f"keras-vae: stopped by {by}. The same command goes on from the last finished epoch in {toy / 'run'}."
    )
    assert "Traceback" not in said
    assert names(toy / "run")
