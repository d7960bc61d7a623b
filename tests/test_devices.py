"""Training on several devices: two logical CPU devices, and two worker processes of this machine."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import worker

from keras_vae.zoo import training


def free_ports(count):
    """Ports of this machine that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run_workers(folder, *tasks, seconds=100):
    """`(exit status, printed)` of each of two workers. None outlives the call: one that hangs is killed."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    started, ended = [], time.monotonic() + seconds
    for index in range(2):
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        }
        with open(folder / f"printed-{index}", "w") as printed:
            command = [sys.executable, str(pathlib.Path(worker.__file__)), str(folder), *tasks]
            started.append(subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, env=environment))
    try:
        for process in started:
            process.wait(max(ended - time.monotonic(), 0))
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [(process.returncode, (folder / f"printed-{index}").read_text()) for index, process in enumerate(started)]


@pytest.mark.slow
def test_two_workers_learn_what_one_device_learns_and_lose_no_epoch_to_a_death(toy):
    (lost, text), (killed, _) = run_workers(toy, "compare", "die")
    assert killed == -9
    assert lost == 1, text
    assert "RuntimeError: A worker was lost. Start all of them again" in text
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00002"]

    found = [dict(np.load(toy / f"worker-{index}.npz")) for index in range(2)]
    for kind in worker.WITHOUT_NOISE:
        for name, value in worker.fifty_steps(kind).items():
            for worker_s in found:
                np.testing.assert_allclose(worker_s[name], value, atol=1e-4, rtol=1e-4, err_msg=name)
    seen = np.concatenate([each["seen"] for each in found], axis=1)  # a row for each global batch
    for both, batch in zip(seen, worker.rows(), strict=True):
        np.testing.assert_array_equal(both[both >= 0], np.ravel(batch))
    assert sorted(seen[seen >= 0]) == list(range(60))
    z = [each["z"] for each in found]
    assert np.abs(z[0] - z[1]).min() > 1e-6

    for status, text in run_workers(toy):
        assert status == 0, text
        assert text.split("epoch ")[1:] == ["2\n", "3\ndone 4\n"]
    assert [path.name[:11] for path in training._checkpoints(toy / "run")] == ["epoch-00004"]
