"""Training on several devices: two logical CPU devices, and two worker processes of this machine."""

import json
import os
import socket
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import worker
from tiny import compiled, vae, weights

from keras_vae import devices
from keras_vae.zoo import entries, training


@pytest.fixture
def start_workers(toy):
    """A function `(*tasks)` that starts two workers and returns another, which waits: `(exit status, printed)` of each.

    None outlives the test: one that hangs is killed.
    """
    started = []

    def start(*tasks, seconds=200):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]  # finds free ports
        cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
        for each in sockets:
            each.close()
        ours, ended = [], time.monotonic() + seconds
        for index in range(2):
            config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            command = [sys.executable, worker.__file__, str(toy), *tasks]
            ours.append(subprocess.Popen(command, env={**os.environ, "TF_CONFIG": config}, **options))
        started.extend(ours)

        def wait():
            printed = [process.communicate(timeout=max(ended - time.monotonic(), 0))[0] for process in ours]
            return [(process.returncode, text) for process, text in zip(ours, printed, strict=True)]

        return wait

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_two_workers_learn_what_one_device_learns_and_lose_no_epoch_to_a_death(toy, start_workers):
    wait = start_workers("compare", "die")
    expected = {name: value for kind in worker.WITHOUT_NOISE for name, value in worker.fifty_steps(kind).items()}
    (lost, text), (killed, _) = wait()
    assert killed == -9
    assert lost == 1, text
    assert "RuntimeError: A worker was lost. Start all of them again" in text
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00001", "epoch-00002"]
    wait = start_workers()

    found = [dict(np.load(toy / f"worker-{index}.npz")) for index in range(2)]
    for name, value in expected.items():
        for each in found:
            np.testing.assert_allclose(each[name], value, atol=1e-4, rtol=1e-4, err_msg=name)
    seen = np.concatenate([each["seen"] for each in found], axis=1)  # a row for each global batch
    for both, batch in zip(seen, worker.rows(), strict=True):
        np.testing.assert_array_equal(both[both >= 0], np.ravel(batch))
    assert sorted(seen[seen >= 0]) == list(range(60))
    z = [each["z"] for each in found]
    assert np.abs(z[0] - z[1]).min() > 1e-6

    for status, text in wait():
        assert status == 0, text
        assert text.split("epoch ")[1:] == ["2\n", "3\ndone 4\n"]
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00003", "epoch-00004"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", worker.WITHOUT_NOISE)
def test_two_logical_devices_learn_in_fifty_steps_what_one_learns(kind, strategy):
    found = worker.fifty_steps(kind, strategy)
    for name, value in worker.fifty_steps(kind).items():
        np.testing.assert_allclose(found[name], value, atol=1e-4, rtol=1e-4, err_msg=name)


# --- what a training is given -----------------------------------------------------------------------------------------


def test_devices_are_counted_or_refused_in_a_line(monkeypatch):
    assert devices.strategy() is None
    assert devices.strategy(1) is None
    assert devices.strategy("2").num_replicas_in_sync == devices.strategy("all").num_replicas_in_sync == 2
    for bad in ("many", 0, "0", -1, 1.5):
        with pytest.raises(ValueError, match='a positive number or "all"; got'):
            devices.strategy(bad)
    with pytest.raises(ValueError, match="There is no GPU, and TensorFlow has started with fewer than 3 logical"):
        devices.strategy(3)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"chief": ["one:1"], "worker": ["two:1"]}}')
    assert devices.workers() == 2
    with pytest.raises(ValueError, match="each takes all the GPUs that it sees: leave out devices"):
        devices.strategy(2)
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(ValueError, match="TF_CONFIG is not the JSON"):
        devices.strategy()


class Machine:
    """Stands for `tf.config` on a machine whose GPUs have these compute capabilities."""

    def __init__(self, *capabilities):
        self.capabilities, self.experimental = capabilities, self

    def list_physical_devices(self, kind):
        return range(len(self.capabilities)) if kind == "GPU" else ["CPU"]

    def list_logical_devices(self, kind):
        return [types.SimpleNamespace(name=f"/device:{kind}:{index}") for index in self.list_physical_devices(kind)]

    def get_device_details(self, gpu):
        return {"compute_capability": self.capabilities[gpu]}


@pytest.mark.parametrize(
    ("capabilities", "policy"),
    [
        ([], "float32"),
        ([(6, 1)], "float32"),
        ([(7, 5)], "mixed_float16"),
        ([(8, 0)], "mixed_bfloat16"),
        ([(9, 0), (7, 0)], "mixed_float16"),
    ],
)
def test_automatic_precision_is_what_every_gpu_is_fast_in(capabilities, policy, monkeypatch):
    monkeypatch.setattr(devices.tf, "config", Machine(*capabilities))
    assert devices.precision("auto") == policy


def test_more_gpus_than_there_are_get_refused(monkeypatch):
    monkeypatch.setattr(devices.tf, "config", Machine((8, 0), (8, 0)))
    with pytest.raises(ValueError, match=r"There are 2 GPUs; got devices=3"):
        devices.strategy(3)


def test_no_replica_takes_a_step_at_which_the_gradients_of_another_overflow(strategy, images):
    """Fails with Keras's own LossScaleOptimizer: it asks the first replica, and the weights become NaN."""
    keras.config.set_dtype_policy("mixed_float16")
    x = images.copy()
    x[8:16] *= 300.0  # the second replica's part of the first batch
    with strategy.scope():
        model = compiled(vae(seed=0, likelihood="normal"), "adam")
    model.fit(x, batch_size=16, shuffle=False, verbose=0)
    assert model.optimizer.iterations.numpy() < 4
    assert model.optimizer.dynamic_scale.numpy() < 2**15
    assert np.isfinite(weights(model)).all()


class Killed(BaseException):
    pass


class Kill(training._Checkpoint):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        raise Killed


SEVERAL_STEPS_A_CALL = """
import dataclasses


def training(epochs=2):
    return {"compile": {"optimizer": "adam", "steps_per_execution": 5}, "epochs": epochs}


RECIPE = dataclasses.replace(RECIPE, training=training)
"""


@pytest.mark.slow
def test_a_training_goes_on_on_two_devices_and_gives_a_model_on_one(toy, strategy, monkeypatch):
    with open(toy / "zoo" / "toy" / entries.RECIPE, "a") as recipe:
        recipe.write(SEVERAL_STEPS_A_CALL)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_Checkpoint", Kill)
        with pytest.raises(Killed):
            training.train("toy", run=toy / "run", verbose=0)
    model, facts = training.train("toy", {}, toy / "run", "mixed_bfloat16", verbose=0, strategy=strategy)
    assert facts["command"] == "keras-vae train toy --precision mixed_bfloat16 --devices 2"
    assert facts["replicas"] == 2
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    assert not any(isinstance(weight.value, tf.distribute.DistributedValues) for weight in model.weights)
    finished, _ = training.train("toy", run=toy / "run", verbose=0)  # nothing is left to do
    assert int(finished.optimizer.iterations) == 30
    np.testing.assert_array_equal(weights(finished), weights(model))
    with pytest.raises(ValueError, match="A batch of 25 cannot be shared out evenly among 2 devices"):
        training.train("toy", {"batch_size": 25}, toy / "other", strategy=strategy)


@pytest.mark.slow
def test_a_killed_fit_goes_on_from_keras_s_own_backup(images, tmp_path):
    def fit(name, die=False):
        def kill(epoch, logs=None):
            if die and epoch == 2:
                raise Killed

        model = compiled(vae(seed=0))
        model.build((None, 8, 8, 1))
        backup = keras.callbacks.BackupAndRestore(tmp_path / name)
        watch = keras.callbacks.LambdaCallback(on_epoch_begin=kill)
        fitted = model.fit(images, batch_size=32, epochs=4, shuffle=False, callbacks=[backup, watch], verbose=0)
        return model, fitted.epoch

    keras.utils.set_random_seed(0)
    whole, _ = fit("whole")
    keras.utils.set_random_seed(0)
    with pytest.raises(Killed):
        fit("killed", die=True)
    again, epochs = fit("killed")
    assert epochs == [2, 3]
    np.testing.assert_allclose(weights(again), weights(whole), atol=1e-6)
