"""The command line: each option of each command goes wrong in each way that its type can."""

import contextlib
import functools
import inspect
import io
import json
import os
import pathlib
import sys
import tempfile
import typing
import unittest.mock
from collections.abc import Iterator
from typing import Any

import numpy as np
import typer

from calls import judge
from calls.target import Target
from calls.values import Sort
from keras_vae import cli, zoo

ENDLESS = "9" * 5000
NAMES = (
    "",
    "a" * 500,
    "a\nb",
    *["no_such_entry", "../elsewhere", ".", "-", "vae/../..", "folder", "text.json", "VAE", "/"],
)
SETTINGS = "absent folder text.json list.json null.json empty.json binary.json unknown.json negative.json nan.json"
ARRAYS = "absent folder text objects nan empty scalar complex damaged huge bytes records"
WRONG = {  # by the option's name, of those whose type says too little
    "to": ("", "nonsense", "mnist,svhn", "3", "a" * 500, "Mnist"),
    "rung": ("", "nonsense", "z1", "Z1", "3"),
    "precision": ("", "float", "float16", "3", "Float32", "mixed_float16,auto"),
    "devices": ("", "0", "-1", "1.5", "some", ENDLESS, "1e3"),
    "over": ("", "nonsense", "beta=4:1", "beta=a:b", "beta=1:2:3:4:5", "=", "beta=nan:1", "beta=1e999:2", "3"),
    "data": ("", "nowhere", "../digits", "3", "DIGITS"),
    "objective": ("", "nonsense", "loss", "3", "coherence", "mutual_information_gap"),
    "oracle": ("", "nonsense", "bayes", "3"),
    "address": (),  # whatever it is, it is looked up by whoever asks for workers
    "overrides": ("", "/dev/null", *f"{SETTINGS} text_within.json fraction.json nested.json huge.json".split()),
    "input": (
        *("", "a\0.npy", "x.npy" * 100, "folder", "text.json", "/dev/null", "damaged.png", "damaged.npz"),
        *("none.npz", "other.npz", "empty.npz", "half.npz"),
        *(f"{name}.npy" for name in ARRAYS.split()),
    ),
    "output": (
        "",
        "a.jpg",
        "a",
        "absent/a.png",
        "folder",
        "folder.png",
        "text.json/a.png",
        "/proc/a.png",
        "a" * 500 + ".png",
    ),
}
LOADED = functools.cache(zoo.load)
FOLDERS = ("text.json", "text.json/run", "/proc/run", "/dev/null")  # of what is to be a folder: a file, or none can be
WRONG_FOR = {("train", "output"): FOLDERS, ("train", "run"): FOLDERS, ("tune", "directory"): FOLDERS}
READ = ("absent.npy", "folder", "picture.png", "text.json", "damaged.npy", "empty.npz", "none.npz", "")
WRONG_FOR |= {
    ("compress", "file"): (
        *READ,
        "text.npy",
        "objects.npy",
        "nan.npy",
        "empty.npy",
        "scalar.npy",
        "bytes.npy",
        "half.npz",
    ),
    ("compress", "output"): ("bits.npy", "absent/x.kvae", "folder"),
    ("decompress", "file"): (*READ, "bits.npy"),
    ("decompress", "output"): ("bits.npy", "absent/x.npy", "folder.npy", "x.npz", "x"),
}
GOOD = {
    "compress": {"file": "bits.npy", "name": "vae"},
    "decompress": {"file": "bits.kvae", "name": "vae", "output": "again.npy"},
    "translate": {"name": "mvae_poe"},
    "train": {"name": "vae", "overrides": "good.json"},
    "tune": {"name": "vae", "data": "digits", "trials": "1", "epochs": "1"},
}


@functools.cache
def _compressed():
    return LOADED("vae").compress(np.zeros((2, 28, 28, 1), "uint8"), "vae")


def files(folder: pathlib.Path) -> None:
    """Files of all kinds that are wrong."""
    images = np.full((2, 28, 28, 1), 0.5, "float32")
    arrays = {
        "text": np.array(["a", "b"]),
        "objects": np.array([{}, None], object),
        "nan": images * np.nan,
        "empty": images[:0],
        "scalar": np.float32(3),
        "complex": images.astype("complex64"),
        "huge": images * 1e30,
        "bytes": np.round(images * 255),
        "records": np.zeros(2, [("a", "f4")]),
    }
    for name, array in {**arrays, "bits": images > 1}.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "bits.kvae").write_bytes(_compressed())
    np.savez(folder / "none.npz")
    np.savez(folder / "other.npz", sound=images)
    np.savez(folder / "half.npz", x=images, condition=images[:1])
    for name in ("damaged.npy", "damaged.npz", "damaged.png", "binary.json"):
        (folder / name).write_bytes(b"\x93\xffnothing of the kind")
    (folder / "empty.npz").write_bytes(b"")
    for name in ("folder", "folder.png", "folder.npy"):
        (folder / name).mkdir()
    settings = {
        "good": {"dataset": "digits", "epochs": 1},
        "list": [1],
        "null": None,
        "unknown": {"nonsense": 1},
        "negative": {"learning_rate": -1.0},
        "nan": {"learning_rate": float("nan")},
        "text_within": {"beta": "2"},
        "fraction": {"latent_size": 2.5},
        "nested": {"beta": {"value": 1}},
        "huge": {"beta": 10**400},
    }
    for name, value in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    (folder / "text.json").write_text("{beta: 2}")
    (folder / "empty.json").write_text("")


def outcome(run: Any, arguments: dict[str, str], good: bool = False) -> tuple[str, str]:
    """As `judge.outcome`, of a command: by its exit status, and the one line that it ends with."""
    before = os.getcwd(), sys.argv
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        files(pathlib.Path(folder))
        os.chdir(folder)
        sys.argv = ["keras-vae", *run(**arguments)]
        cli._Asked.debug = False
        status = 0
        try:
            with (
                unittest.mock.patch.object(zoo, "load", LOADED),
                judge.at_most(),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(printed),
            ):
                cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        except judge.Late:
            return "hung", f"over {judge.SECONDS} s"
        except BaseException as error:
            return "insides", judge.said(error)
        finally:
            os.chdir(before[0])
            sys.argv = before[1]
    line = (printed.getvalue().strip().splitlines() or [""])[-1]
    if status == 0:
        return ("good" if good else "silent"), line
    clear = 10 < len(line) < judge.LONGEST and "Traceback" not in printed.getvalue() and "--debug shows" not in line
    return ("refused" if clear and status in (1, 2) and not good else "good refused" if good else "insides"), line


def _wrong(command: str, name: str, annotation: Any) -> tuple[str, ...]:
    """Texts that an option cannot take, by its type."""
    kinds, (*_, option) = typing.get_args(typing.get_args(annotation)[0]), typing.get_args(annotation)
    if (command, name) in WRONG_FOR:
        return WRONG_FOR[command, name]
    if name == "name":
        return NAMES
    if int in (kinds or typing.get_args(annotation)):
        bounds = [str(bound + step) for bound, step in ((option.min, -1), (option.max, 1)) if bound is not None]
        return (*bounds, "-99999999999", "1.5", "many", "", "nan", "1e3", "0x10", "True", "None", ENDLESS)
    return () if bool in typing.get_args(annotation) else WRONG[name]  # a KeyError asks for some


def _argv(command: str, spelled: dict[str, str], places: list[str]):
    """A function of options that gives the arguments of a command, those that have a place and no name last."""

    def run(**options):
        named = [text for key, value in options.items() if key not in places for text in (spelled.get(key, key), value)]
        placed = [options[key] for key in places if key in options]
        return [command, *named, *(["--", *placed] if placed else [])]

    return run


def targets() -> Iterator[Target]:
    for command in cli.app.registered_commands:
        name, options = command.name or command.callback.__name__, inspect.signature(command.callback).parameters
        told = {key: typing.get_args(option.annotation)[-1].param_decls for key, option in options.items()}
        spelled = {key: (decls or [f"--{key}"])[0] for key, decls in told.items()}
        sorts = {"--nonsense": Sort(lambda value: {"an unknown option": "3"})}
        for key, option in options.items():
            texts = {f"{text!r:.40}": text for text in _wrong(name, key, option.annotation)}
            sorts[key] = Sort(lambda value, texts=texts: texts)
        good = GOOD.get(name, {"name": "vae"}) if "name" in options else {}
        infos = {key: typing.get_args(option.annotation)[-1] for key, option in options.items()}
        places = [key for key, info in infos.items() if isinstance(info, typer.models.ArgumentInfo)]
        yield Target(name, _argv(name, spelled, places), good, sorts, judge=outcome)
