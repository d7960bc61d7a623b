"""The benchmark beside peers, without the peers: our part, the hand-written loop, and what is reported of a run. The
one of families on digits."""

import dataclasses
import json
import pathlib
import sys

import keras
import kinds
import numpy as np
import pytest
import tensorflow as tf
from tiny import picture

# Last, so that an installed package goes before the one in this repository.
sys.path.append(str(pathlib.Path(__file__).parents[2]))

from benchmarks import compression, families
from benchmarks.peers import __main__ as program
from benchmarks.peers import bare, data, ours, profile, report, worker
from benchmarks.peers.workloads import MEASURES, WORKLOADS, chosen


def library(kind, name, folder):
    (workload,) = chosen([name], quick=True, xla=False)
    data.write(workload, folder, digits=True)
    return kind.Library(workload, folder)


@pytest.mark.slow
def test_the_hand_written_loop_is_the_same_training(tmp_path):
    losses, weights = {}, {}
    for kind in (ours, bare):
        made = library(kind, "vae", tmp_path)
        weights[kind] = made.prepare()
        losses[kind] = [worker.measured(made, "epoch", {})["value"] for _ in range(3)]
        assert np.isfinite(worker.measured(made, "step", {})["value"])
    assert weights[ours] == weights[bare]
    assert np.allclose(losses[ours], losses[bare], rtol=0.1)
    assert losses[ours][-1] < losses[ours][0]


@pytest.mark.slow
def test_log_likelihood_sampling_and_starting_run(tmp_path):
    made = library(ours, "mvae", tmp_path)
    made.prepare()
    for name in ("likelihood_100", "sample"):
        measure = MEASURES[name]
        worker.measured(made, measure.method, measure.arguments_of(made.workload))
    made.save()
    library(ours, "mvae", tmp_path).start()


def test_products_are_counted_in_dense_and_convolutional_layers_and_their_gradients():
    x, dense = tf.ones((3, 8, 8, 2)), keras.layers.Dense(5)
    layers = [keras.layers.Conv2D(4, 3, padding="same"), keras.layers.Flatten(), dense]
    network = keras.Sequential([keras.Input((8, 8, 2)), *layers])

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.exp(network(x)))
        return tape.gradient(loss, [weight.value for weight in network.trainable_variables])

    convolution, product = 2 * 3 * 64 * 9 * 2 * 4, 2 * 3 * 256 * 5
    assert profile.products_in(lambda: network(x)) == convolution + product
    assert profile.products_in(gradients) == 2 * convolution + 3 * product  # the images need none


@pytest.mark.slow
def test_a_profile_has_the_parts_of_a_step_an_epoch_and_a_likelihood(tmp_path):
    made = library(ours, "mvae", tmp_path)
    steps, epochs, likelihood = profile.profile(made.workload, tmp_path, rate=1e12)
    assert float(steps[1]) > 0  # a count over the rate that is given; how long the rest takes is no matter of a test
    assert [len(steps), len(epochs), len(likelihood)] == [3, 5, 5]
    assert np.isfinite([float(cell) for cell in [*epochs, *likelihood]]).all()


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_are_consistent(name):
    workload = WORKLOADS[name]
    assert workload.peer in worker.MODULES
    assert set(workload.measures) <= set(MEASURES)
    assert workload.steps % workload.compile.get("steps_per_execution", 1) == 0
    assert dataclasses.asdict(workload) != dataclasses.asdict(workload.quick())


def test_the_report_has_medians_spreads_and_missed_goals(tmp_path):
    known = {"import_mebibytes": 50.0, "value": 1.0}
    replies = [{"seconds": s, "processor_seconds": s, "mebibytes": 100.0 * s, **known} for s in (9, 1, 3, 2)]
    others = [{**reply, "seconds": 2.0, "mebibytes": 250.0} for reply in replies]
    rounds, weights = {"keras_vae": replies, "pythae": others, "bare": others}, dict.fromkeys(worker.MODULES, 7)
    rows = [program._row(WORKLOADS["vae"], "epoch", other, rounds, weights) for other in ("pythae", "bare")]
    results = {"command": "python -m x", "threads": 2, "machine": "m", "versions": {"keras": "3"}, "rows": rows}
    report.write(results, tmp_path / "out")
    text = (tmp_path / "out.md").read_text()
    assert "| vae | pythae | **1 (0.5 to 1.5)** |" in text  # the goal of an epoch is 0.5
    assert "| vae | bare | 1 (0.5 to 1.5) |" in text  # and of the loop 1.1
    assert "**3.60**" in text  # 900 of 250 MiB
    assert "**4.25**" in text  # without 50 of each
    assert json.loads((tmp_path / "out.json").read_text())["rows"][0]["ratios"] == [0.5, 1.5, 1.0]
    picture(tmp_path / "out.png")


def test_too_many_threads_are_refused(capsys):
    with pytest.raises(SystemExit):
        program.parsed(["--threads", "4096"])
    assert "needs as many cores" in capsys.readouterr().err


# --- families ---------------------------------------------------------------------------------------------------------


def quick(folder, *rows, table=False):
    options = ["--output", str(folder / "out"), "--seeds", "0", *(["--table"] if table else [])]
    families.main(["--quick", *options, "--rows", *rows])
    return (folder / "out.md").read_text()


@pytest.mark.slow
def test_rows_are_trained_once_and_reported_together(tmp_path, monkeypatch):
    assert "| `rae` | 1 | - |" in quick(tmp_path, "rae")  # no likelihood
    text = quick(tmp_path, "vae", "rae")
    kept = json.loads((tmp_path / "out.json").read_text())
    rae, vae = (facts["measured"] for facts in kept["rows"])
    assert f"| `vae` | 1 | {vae['negative_log_likelihood']:.2f} |" in text
    assert f"| {kept['steps']['rae']:.2f} |" in text
    assert 0.5 < kept["steps"]["vae"] < 2.0
    assert set(families.COLUMNS) - {"step"} <= set(vae)
    assert "negative_log_likelihood" not in rae
    picture(tmp_path / "out.png")
    monkeypatch.setattr(families, "trained", None)  # nothing is trained again
    assert quick(tmp_path, "vae", "rae") == text == quick(tmp_path, "vae", "rae", table=True)


def test_a_row_that_fails_is_told_of_and_one_of_other_settings_is_made_anew(tmp_path, monkeypatch):
    def failing(name, dataset, epochs, seed):
        made.append(epochs)
        raise FloatingPointError("Epoch 1 ended with NaN.")

    made = []
    monkeypatch.setattr(families, "trained", failing)
    for epochs in (1, 1, 2):
        families.run("vae", 0, {"dataset": "digits", "epochs": epochs, "images": 2, "draws": 2}, tmp_path / "out")
    assert made == [1, 2]
    kept = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert "| `vae` | 0 (1 failed) | - |" in families.table(kept, {})
    with pytest.raises(SystemExit, match="There is nothing in"):
        quick(tmp_path, "rae", table=True)


@pytest.mark.parametrize("name", families.ROWS)
def test_every_row_has_a_model_with_the_one_network(name):
    model = families.model_of(name, (8, 8, 1), seed=0)
    kernels = [weight.shape for weight in model.encoder.trainable_weights if len(weight.shape) == 2]
    assert kernels[:2] == [(64, 300), (300, 300)]
    assert families.code_lines(*families.ROWS[name].adds) > 5


def test_lines_of_code_are_those_without_docstrings_comments_and_blanks():
    source = '''
class Part:
    """What it is,

    in words."""

    size = 3  # counted

    # not counted
    def grow(self):
        """More."""
        return self.size
'''
    assert families._code_lines(source) == 4
    assert families.code_lines(families.Row) == 5 + 1  # with its decorator


@pytest.mark.slow
def test_a_critic_of_images_learns_by_its_own_loss_alone(images):
    model = families.model_of("vae_gan", (8, 8, 1), seed=0)
    x = (images > 0.5).astype("float32")
    parts = {"critic": model.objective.critic, "decoder": model.decoder, "encoder": model.encoder}
    with tf.GradientTape(persistent=True) as tape:
        _, losses, _ = model.terms(model.prepare(x), training=True)
        losses = {name: tf.reduce_mean(value) for name, value in losses.items()}
    reached = {
        name: {
            part
            for part, layer in parts.items()
            if any(g is not None for g in tape.gradient(loss, layer.trainable_variables))
        }
        for name, loss in losses.items()
    }
    assert reached == {
        "critic_loss": {"critic"},
        "feature_error": {"decoder", "encoder"},
        "deceived": {"decoder"},
        "rate": {"encoder"},
    }


@pytest.mark.parametrize("coder", [*compression.WHOLE, *compression.EACH])
def test_what_everybody_has_gives_the_images_back(coder):
    x = (kinds.images(16) > 0.5).astype("uint8")
    found = compression.by_library(coder, x)
    assert found["bytes"] > 0
    with pytest.raises(RuntimeError, match="not what was compressed"):
        compression.coded(lambda: b"x", lambda stored: stored != b"x", len)
    facts = {
        "coder": coder,
        "images": "static",
        "count": 16,
        "bits": 8 * found["bytes"] / x.size,
        "device": "a machine",
    }
    assert f"| {coder} | static | {facts['bits']:.4f} |" in compression.table([{**facts, **found}])
