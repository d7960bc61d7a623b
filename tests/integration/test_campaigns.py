"""The campaigns of kills: children stop where they are told to, what is wrong is seen, and a few kills lose nothing."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("resource", reason="campaigns fork, and limit files, as Linux does")

# Last, so that an installed package goes before the one in this repository.
sys.path.append(str(pathlib.Path(__file__).parents[2]))

from benchmarks.campaigns import children, kills, report
from benchmarks.campaigns.children import Ended, Stop

ROOT = pathlib.Path(__file__).parents[2]


def writes(folder):
    """Three changes: two files, and one renamed."""
    for name in ("a", "b"):
        (folder / name).write_bytes(b"x" * 100)
    os.rename(folder / "b", folder / "c")
    print("done")


@pytest.mark.parametrize(
    ("stop", "status", "left"),
    [
        (None, 0, {"a": 100, "c": 100}),
        (Stop(change=1), -signal.SIGKILL, {}),
        (Stop(change=2), -signal.SIGKILL, {"a": 100}),
        (Stop(change=3), -signal.SIGKILL, {"a": 100, "b": 100}),
        (Stop(change=4), 0, {"a": 100, "c": 100}),
        (Stop(change=2, size=40), -signal.SIGXFSZ, {"a": 100, "b": 40}),
    ],
    ids=str,
)
def test_a_child_is_stopped_before_a_change_or_in_a_write(stop, status, left, tmp_path):
    ended = children.run(lambda: writes(tmp_path), tmp_path, stop)
    assert ended.status == status
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == left
    assert ended.out == ("" if status else "done\n")
    assert ended.changes == min(3, stop.change if stop and stop.change else 3)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_is_stopped_at_a_moment(by, tmp_path):
    ended = children.run(lambda: time.sleep(60), tmp_path, Stop(after=0.1, by=by))
    assert ended.status == -by
    assert 0.1 <= ended.seconds < 30


def fails():
    raise SystemExit("no room")


def test_a_child_s_exit_is_its_own(tmp_path):
    ended = children.run(fails, tmp_path)
    assert (ended.status, ended.err) == (1, "no room\n")
    assert "ZeroDivisionError" in children.run(lambda: 1 / 0, tmp_path).err


def test_an_epoch_that_is_lost_or_corrupt_is_seen(tmp_path):
    work = object.__new__(kills.Train)
    shutil.make_archive(tmp_path / "epoch-00002-seconds-1", "zip", ROOT / "benchmarks" / "campaigns")
    (tmp_path / "epoch-00002-seconds-1.zip").rename(tmp_path / "epoch-00002-seconds-1.keras")
    assert work.look(tmp_path, "Epoch 1/4\nEpoch 2/4\nEpoch 3/4") == (2, [])
    assert work.look(tmp_path, "Epoch 4/4")[1] == ["epoch 3 was finished, and 2 are kept"]
    (tmp_path / "epoch-00003-seconds-1.keras").write_bytes(b"half")
    assert work.look(tmp_path, "")[1] == ["epoch-00003-seconds-1.keras is corrupt"]


def test_a_trial_that_is_lost_corrupt_or_repeated_is_seen(tmp_path):
    work = object.__new__(kills.Tune)
    trial = tmp_path / "toy" / "trial_0" / "trial.json"
    trial.parent.mkdir(parents=True)
    trial.write_bytes(b"")
    assert work.look(tmp_path, "") == ({}, ["trial.json is corrupt"])
    trial.write_text(json.dumps({"status": "COMPLETED"}))
    kept, faults = work.look(tmp_path, "trial 1: epochs=1\ntrial 2: epochs=1\ntrial 3: epochs=1")
    assert faults == ["the model of trial_0 is corrupt", "trial_1 was finished, and is lost"]
    faults = work.check(tmp_path, kept, Ended(0, "trial 1: epochs=1", "", 0, 0.0))
    assert "trial_0 ran again" in faults
    assert "1 trials are finished" in faults


def test_last_words_that_do_not_help_are_seen(tmp_path):
    good = "keras-vae: stopped by SIGTERM. The same command goes on from the last finished epoch in run."
    for said, status in [
        (good, 0),
        (f"{good}\n{good}", 1),
        (f"Traceback\n{good}", 1),
        ("keras-vae: stopped by SIGTERM.", 1),
        ("", 1),
    ]:
        ended = Ended(143, "", said, 0, 0.0)
        assert len(kills._misfits(kills.Train, ended, Stop(), 143, tmp_path)) == status
    assert kills._misfits(kills.Train, Ended(1, "", good, 0, 0.0), Stop(), 143, tmp_path)


def test_a_report_has_its_faults_and_its_status(capsys):
    row = {"number": 3, "kind": "a_kind", "outcome": "fine", "text": ""}
    assert report.report([row], ("fine",), "kind", "rows") == 0
    assert report.report([row, {**row, "outcome": "lost", "text": "all"}], ("fine",), "kind", "rows") == 1
    assert capsys.readouterr().out.endswith("| a kind | 1 | 1 |\n\n2 rows, 1 faults.\n3 a_kind: lost. all\n")


@pytest.mark.slow
@pytest.mark.parametrize("campaign", ["train", "evaluate"])
def test_a_few_stops_lose_nothing(campaign):
    command = [sys.executable, "-m", "benchmarks.campaigns.kills", campaign, "--count", "2", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tries, 0 faults." in done.stdout
    assert "went on" in done.stdout
