"""The keras-vae command: answers quickly, draws pictures, and refuses in one line."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from tiny import picture, vae
from typer.testing import CliRunner

from keras_vae import cli, zoo


def run(*arguments):
    return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("arguments", [["list"], ["card", "vae"], ["--help"], ["train", "--help"]])
def test_looking_does_not_import_tensorflow(arguments):
    code = f"import sys; from keras_vae import cli; sys.argv[1:] = {arguments!r}\n"
    code += "try: cli.main()\nexcept SystemExit: pass\n"
    code += "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_list_names_every_entry():
    printed = subprocess.run(
        [sys.executable, "-c", "from keras_vae import cli; cli.main()", "list"],
        check=True,
        capture_output=True,
        text=True,
        env={"COLUMNS": "300", "PATH": ""},
    ).stdout
    for name in zoo.names(None):
        assert name in printed


def test_list_goes_without_entries(toy):
    assert "Models" in run("list").output


def test_card_prints_the_card():
    assert run("card", "vae").output.strip() == zoo.card("vae").strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["sample", "vae", "--count", "3"],
        ["sample", "mvae_poe", "-n", "3", "--seed", "4"],
        ["sample", "cvae", "-n", "2"],
        ["sample", "cvae_completion", "-n", "2"],
        ["reconstruct", "vae"],
        ["reconstruct", "cvae_completion"],
        ["reconstruct", "mvae_poe"],
        ["traverse", "vae", "--latent", "2"],
        ["traverse", "mvae_poe", "--latent", "2"],
        ["traverse", "cvae", "--latent", "2"],
        ["translate", "mvae_poe"],
        ["translate", "mvae_poe", "--to", "svhn", "--samples", "2"],
        ["preview", "mvae_poe"],
        ["sample", "ppca"],
        ["reconstruct", "vae_oil_flow"],
        ["traverse", "ppca", "--latent", "1"],
        ["traverse", "hierarchical_vamp_vae", "--latent", "3", "--rung", "z1"],
        ["preview", "ppca"],
    ],
    ids=" ".join,
)
def test_drawing_writes_a_png(arguments, tmp_path, loaded, monkeypatch):
    monkeypatch.setattr(zoo, "load", loaded)
    target = tmp_path / "picture.png"
    result = run(*arguments, "--output", str(target))
    assert f"Wrote {target}" in result.output
    picture(target)


@pytest.mark.parametrize("kind", ["npy", "npz", "png"])
def test_own_images_are_read(kind, tmp_path):
    from matplotlib.image import imsave

    images = zoo.examples("mvae_poe")["svhn"][:1]
    path = tmp_path / f"images.{kind}"
    if kind == "npy":
        np.save(path, (images * 255).astype("uint8"))
    elif kind == "npz":
        np.savez(path, svhn=images)
    else:
        imsave(path, images[0])
    read = cli._images("mvae_poe", path)
    read = read["svhn"] if kind == "npz" else read
    np.testing.assert_allclose(read, images, atol=1 / 255)


def test_own_vectors_are_read_as_they_are(tmp_path):
    x = zoo.examples("ppca") * 100
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(cli._images("ppca", tmp_path / "x.npy"), x)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["card", "mvae_peo"], "Did you mean 'mvae_poe'"),
        (["sample", "../vae"], "There is no folder ../vae"),
        (["sample", "vae", "-o", "picture.jpg"], "ends in .png"),
        (["traverse", "vae", "--latent", "999"], "latent must be an integer, 0 to 49"),
        (["traverse", "vae", "--rung", "z1"], "vae is no ladder"),
        (["traverse", "hierarchical_vamp_vae", "--rung", "z3"], "Unknown rung 'z3'"),
        (["translate", "vae"], "nothing to translate to"),
        (["translate", "mvae_poe", "--to", "sound"], "Unknown modality 'sound'"),
        (["reconstruct", "vae", "-i", "absent.npy"], "There is no file absent.npy"),
        (["compress", "absent.npy", "--model", "vae"], "There is no file absent.npy"),
        (["decompress", "absent.kvae"], "There is no file absent.kvae"),
        (["train", "no_such_entry"], "Unknown entry"),
        (["train", "vae", "--devices", "many"], "a positive number or \"all\"; got 'many'"),
        (["train", "vae", "--precision", "half"], "Unknown precision 'half'"),
        (["tune", "vae", "--over", "depth"], "The recipe has no ['depth']"),
        (["tune", "vae", "--over", "beta=4:1"], "0 < lowest < highest"),
        (["tune", "vae", "--objective", "coherence"], "needs a recipe with a function `pairs`"),
        (["tune", "classifier_mnist"], "say what to search"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusal_is_one_line_and_status_2(arguments, says, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["keras-vae", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert says in printed
    assert printed.startswith("keras-vae: ")
    assert "\n" not in printed
    assert not list(pathlib.Path(tmp_path).iterdir())


def test_a_file_is_compressed_and_comes_back(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model, x = vae(seed=0), np.eye(8, dtype="uint8")[None, ..., None]
    model.build((None, 8, 8, 1))
    zoo.save(model, "own")
    np.save("x.npy", x)
    assert "Wrote x.npy.kvae" in run("compress", "x.npy", "--model", "./own").output
    assert f"uint8 {[*x.shape]}" in run("decompress", "x.npy.kvae", "-o", "again.npy").output
    np.testing.assert_array_equal(np.load("again.npy"), x)
    with pytest.raises(FileExistsError, match=r"x\.npy is there already"):
        run("decompress", "x.npy.kvae")


def test_unreadable_overrides_are_refused(monkeypatch, capsys, tmp_path):
    settings = tmp_path / "best.json"
    settings.write_text(json.dumps({"no_such_hyperparameter": 1}))
    monkeypatch.setattr(
        sys, "argv", ["keras-vae", "train", "vae", "--set", str(settings), "--run", str(tmp_path / "run")]
    )
    with pytest.raises(SystemExit):
        cli.main()
    assert "no_such_hyperparameter" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mine", "./mine", "folder/mine"])
def test_folder_of_one_s_own_is_taken_as_such(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = vae()
    model.build((None, 8, 8, 1))
    zoo.save(model, tmp_path / name)
    assert run("sample", name).exit_code == 0
    picture(tmp_path / "sample.png")


def test_a_folder_of_the_same_name_never_stands_in_for_the_zoo(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    model = vae()
    model.build((None, 8, 8, 1))
    zoo.save(model, tmp_path / "vae")
    assert cli._load("vae").latent_size == 50
    assert capsys.readouterr().err.strip() == "keras-vae: vae is the zoo's entry; for the folder here write ./vae"
    assert cli._load("./vae").latent_size == 3
    assert not capsys.readouterr().err


def test_a_folder_without_a_recipe_is_not_measured_by_one_of_the_zoo(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = vae()
    model.build((None, 8, 8, 1))
    zoo.save(model, tmp_path / "mine")
    with pytest.raises(ValueError, match="mine was made by no recipe of the zoo, which this command needs"):
        run("evaluate", "mine")


def test_python_objects_are_refused_without_numpy_s_advice(monkeypatch, tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="holds something else than numbers: give arrays"):
        cli._images("vae", tmp_path / "x.npy")


def test_a_read_only_folder_is_one_line(monkeypatch, tmp_path, capsys, toy):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "mkdir", fail)
    monkeypatch.setattr(sys, "argv", ["keras-vae", "train", "toy", "--run", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(
        f"keras-vae: {tmp_path / 'run'} cannot be written: Permission denied. Make room, or mend that"
    )
    assert said.endswith("and give the same command: it goes on from the last finished epoch.")
