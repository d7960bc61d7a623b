"""Training on several devices: two logical CPU devices, and two worker processes of this machine."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import worker

from keras_vae.zoo import training


@pytest.fixture
def start_workers(toy):
    """A function `(*tasks)` that starts two workers and returns another, which waits: `(exit status, printed)` of each.

    None outlives the test: one that hangs is killed.
    """
    started = []

    def start(*tasks, seconds=120):
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
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00002"]
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
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00004"]
