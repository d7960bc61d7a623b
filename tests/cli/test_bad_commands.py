"""Commands with arguments that they cannot take: never a traceback, never exit status 0, always a line that helps."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tiny import picture, vae

from keras_vae import cli, zoo


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs the command in a folder of its own, as its entry point does: `(exit status, last line, all of stderr)`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli._Asked, "debug", False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-vae", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        captured = capsys.readouterr()
        lines = (captured.out + captured.err).strip().splitlines()
        return status, lines[-1] if lines else "", captured.err

    return run


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A model of one's own, in a folder."""
    model = vae(seed=0)
    model.build((None, 8, 8, 1))
    folder = tmp_path_factory.mktemp("models") / "own"
    zoo.save(model, folder)
    return folder


def files(folder):
    """Files of all kinds that are wrong."""
    np.save(folder / "x.npy", np.zeros((2, 8, 8, 1), "float32"))
    np.save(folder / "text.npy", np.array(["a", "b"]))
    np.save(folder / "objects.npy", np.array([{}, None], object))
    np.save(folder / "nan.npy", np.full((2, 8, 8, 1), np.nan, "float32"))
    np.save(folder / "empty.npy", np.zeros((0, 8, 8, 1), "float32"))
    np.save(folder / "scalar.npy", np.float32(3))
    np.savez(folder / "none.npz")
    np.savez(folder / "other.npz", sound=np.zeros((2, 3)))
    for name in ("damaged.npy", "damaged.npz", "damaged.png"):
        (folder / name).write_bytes(b"nothing of the kind")
    (folder / "zero.npz").write_bytes(b"")
    (folder / "picture.jpg").write_bytes(b"")
    (folder / "vectors").mkdir()


DRAWING = ("sample", "reconstruct", "translate", "traverse", "preview")
FILES = (
    *("x.npy", "text.npy", "objects.npy", "nan.npy", "empty.npy", "scalar.npy", "none.npz", "other.npz"),
    *("damaged.npy", "damaged.npz", "damaged.png", "zero.npz", "picture.jpg", "vectors", "absent.npy"),
)
NAMES = ("no_such_entry", "../elsewhere", ".", "", "-", "vae/../..", "a" * 500, "vectors", "classifier_mnist")
VALUES = {
    "sample": ("--count", ("0", "-1", "1.5", "many", "")),
    "traverse": ("--latent", ("-1", "2.5", "first", "10000")),
    "translate": ("--samples", ("0", "all")),
    "tune": ("--trials", ("0", "x")),
}


def campaign():
    for verb, name in itertools.product((*DRAWING, "card", "train", "tune", "evaluate"), NAMES):
        if name != "classifier_mnist" or verb in ("sample", "reconstruct", "translate", "traverse"):
            yield verb, name
    for verb, (option, values) in VALUES.items():
        yield from ((verb, "vae", option, value) for value in values)
    for verb in DRAWING:
        yield from ((verb, "vae", "-o", path) for path in ("a.jpg", "a", "absent/a.png", "vectors/.png/b.png", ""))
        yield verb, "vae", "--seed" if verb != "reconstruct" else "--latents", str(2**31)
        yield (verb,)
        yield verb, "vae", "extra"
    for verb, path in itertools.product(("reconstruct", "traverse", "translate"), FILES):
        yield verb, "vae", "-i", path


@pytest.mark.parametrize("arguments", campaign(), ids=lambda arguments: " ".join(arguments)[:60])
def test_bad_arguments_end_in_one_line_and_not_in_success(arguments, command, tmp_path, loaded, monkeypatch):
    monkeypatch.setattr(zoo, "load", lambda name, **_: loaded(name))
    files(tmp_path)
    before = sorted(tmp_path.iterdir())
    status, line, printed = command(*arguments)
    assert status in (1, 2)
    assert 10 < len(line) < 400
    assert "Traceback" not in printed
    assert "allow_pickle" not in printed
    assert sorted(tmp_path.iterdir()) == before


SETTINGS = [
    ({"no_such": 1}, "no_such"),
    ({"learning_rate": -1}, "learning_rate must be a finite number above 0"),
    ({"learning_rate": None}, "learning_rate must be"),
    ({"learning_rate": float("nan")}, "learning_rate must be"),
    ({"beta": "2"}, "beta must be a finite number"),
    ({"beta": -1.0}, "beta must be"),
    ({"latent_size": 2.5}, "latent_size must be a positive integer"),
    ({"latent_size": None}, "latent_size must be"),
    ({"batch_size": 0}, "batch_size must be"),
    ({"epochs": True}, "epochs must be"),
    ({"epochs": 0}, "epochs must be"),
    ({"seed": -1}, "seed must be"),
    ({"activation": 3}, "activation must be a text"),
    ({"dataset": "nowhere"}, "Unknown data set 'nowhere'"),
    ([1, 2], "must be a JSON object"),
    (None, "must be a JSON object"),
]


@pytest.mark.parametrize("verb", ["train", "tune"])
@pytest.mark.parametrize(("settings", "says"), SETTINGS, ids=[json.dumps(settings) for settings, _ in SETTINGS])
def test_settings_are_checked_before_anything_is_trained(verb, settings, says, command, tmp_path):
    (tmp_path / "set.json").write_text(json.dumps(settings))
    status, line, _ = command(verb, "vae", "--set", "set.json")
    assert status == 2
    assert says in line
    assert [path.name for path in tmp_path.iterdir()] == ["set.json"]


def test_settings_that_are_no_json_are_refused(command, tmp_path):
    (tmp_path / "set.json").write_text("{beta: 2}")
    assert "set.json is no JSON" in command("train", "vae", "--set", "set.json")[1]
    assert "There is no file absent.json" in command("train", "vae", "--set", "absent.json")[1]


def test_settings_of_every_recipe_are_its_own_values():
    for name in zoo.names(None):
        recipe = zoo.recipe(name)
        own = {key: one.default for key, one in zoo.entries.hyperparameters(recipe).items()}
        zoo.entries.check_overrides(recipe, own)
        as_json = {key: list(value) if isinstance(value, tuple) else value for key, value in own.items()}
        zoo.entries.check_overrides(recipe, as_json)


@pytest.mark.parametrize("verb", ["card", "traverse", "reconstruct", "evaluate", "train", "tune"])
def test_a_folder_that_lacks_something_is_told_what(verb, own, command):
    status, line, _ = command(verb, own)
    assert status == 2
    wanted = {"card": "has no card", "traverse": "give --input FILE", "reconstruct": "give --input FILE"}
    assert wanted.get(verb, "was made by no recipe of the zoo") in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample",),
        ("preview",),
        ("reconstruct", "-i", "x.npz"),
        ("traverse", "-i", "X.NPY"),
        ("reconstruct", "-i", "A.PNG"),
    ],
    ids=" ".join,
)
def test_a_folder_of_one_s_own_is_drawn(arguments, own, command, tmp_path):

    images = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    np.savez(tmp_path / "x.npz", x=images)
    with open(tmp_path / "X.NPY", "wb") as file:
        np.save(file, images)
    with open(tmp_path / "A.PNG", "wb") as file:
        import PIL.Image

        PIL.Image.fromarray((images[0, ..., 0] * 255).astype("uint8")).save(file, format="png")
    verb, *rest = arguments
    assert command(verb, own, *rest, "-o", "MADE.PNG")[:2] == (0, "Wrote MADE.PNG.")
    picture(tmp_path / "MADE.PNG", darkest=0.9)


@pytest.mark.slow
def test_a_folder_that_train_wrote_is_an_entry_everywhere(toy, command):
    assert command("train", "toy", "--run", "run")[:2] == (0, "Wrote run/entry.")
    assert command("card", "run/entry")[0] == 0
    for verb in ("sample", "reconstruct", "preview"):
        assert command(verb, "run/entry")[:2] == (0, f"Wrote {verb}.png.")
    assert "test images" in command("evaluate", "run/entry")[1]
    assert command("train", "run/entry", "--run", "again")[:2] == (0, "Wrote again/entry.")


def test_a_bare_name_that_is_both_is_the_zoo_s_and_says_so(own, command, tmp_path, loaded, monkeypatch):
    import shutil

    monkeypatch.setattr(zoo, "load", lambda name, **_: loaded(name))
    shutil.copytree(own, tmp_path / "vae")
    status, line, printed = command("sample", "vae")
    assert (status, line) == (0, "keras-vae: vae is the zoo's entry; for the folder here write ./vae")
    assert "entry" not in command("sample", "./vae")[2] or printed.count("\n") == 1


def test_an_array_alone_is_no_input_of_several_modalities(command, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 28, 28, 1), "float32"))
    status, line, _ = command("translate", "mvae_poe", "-i", "x.npy")
    assert status == 2
    assert "an array a modality" in line


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KeyError("x"), 1, "KeyError: 'x' (keras-vae --debug shows where)"),
        (OSError(28, "No space left on device", "a.png"), 1, "No space left on device"),
        (ZeroDivisionError("division by zero"), 1, "division by zero"),
        (PermissionError(13, "Permission denied"), 1, "Permission denied"),
        (RuntimeError("two\nlines"), 1, "two lines"),
        (ValueError("long " * 200), 2, "long ..."),
        (MemoryError(), 1, "MemoryError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("debug", [False, True])
def test_whatever_fails_is_one_line_and_a_traceback_where_it_is_asked_for(
    debug, error, status, says, command, monkeypatch
):
    def load(name):
        raise error

    monkeypatch.setattr(cli, "_load", load)
    got, line, printed = command(*(["--debug"] if debug else []), "sample", "vae")
    assert got == status
    assert says in line
    assert len(line) < 400
    assert ("Traceback" in printed) == debug


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_by_signal_is_one_line_and_its_status(number, status, command, monkeypatch):
    monkeypatch.setattr(cli, "_load", lambda name: os.kill(os.getpid(), number) or time.sleep(5))
    got, line, printed = command("sample", "vae")
    assert got == status
    assert line.startswith("keras-vae: stopped by")
    assert printed.count("\n") == 1


def test_a_stop_that_comes_out_as_another_error_is_a_stop(command, monkeypatch):
    def load(name):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except SystemExit:
            raise RuntimeError("what C++ makes of it") from None

    monkeypatch.setattr(cli, "_load", load)
    assert command("sample", "vae")[:2] == (143, "keras-vae: stopped by SIGTERM.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tune", "vae", "-d", "d"), "The same command goes on in d/vae, and repeats no finished trial."),
        (("train", "vae", "--run", "r"), "The same command goes on from the last finished epoch in r."),
        (
            ("evaluate", "vae", "--write"),
            "vae is whole, as before or measured anew; the same command measures it again.",
        ),
        (("evaluate", "vae"), "keras-vae: stopped by SIGTERM."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_goes_on_says_so_where_it_is_stopped(arguments, says, command, monkeypatch):
    monkeypatch.setattr(cli, "_tensorflow", lambda: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(5))
    status, line, printed = command(*arguments)
    assert status == 143
    assert line.startswith("keras-vae: stopped by SIGTERM.")
    assert line.endswith(says)
    assert printed.count("\n") == 1


def test_a_folder_whose_files_a_kill_has_kept_from_their_place_is_whole(own, command, tmp_path):
    (tmp_path / "half").mkdir()
    shutil.copytree(own, tmp_path / "half" / zoo.files.NEW)
    assert command("sample", "./half")[:2] == (0, "Wrote sample.png.")


def test_a_picture_is_written_whole_or_not_at_all(own, command, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    (tmp_path / "made.png").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    status, line, _ = command("sample", own, "-o", "made.png")
    assert (status, line) == (
        1,
        "keras-vae: made.png cannot be written: No space left on device. Make room, or choose another place: --output.",
    )
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("made.png", b"old")]


def test_version_and_help_keep_what_stands_in_brackets(command, capsys):
    assert command("--version")[:2] == (0, f"keras-vae {cli.__version__}")
    sys.argv[1:] = ["reconstruct", "--help"]
    with pytest.raises(SystemExit):
        cli.main()
    assert "[count, height, width, channels]" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_nothing_but_the_answer_is_printed(own, tmp_path):
    code = "from keras_vae.cli import main; main()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, "-c", code, "sample", str(own)], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Wrote sample.png.\n", "")
