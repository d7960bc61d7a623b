"""What importing the package needs, does and refuses."""

import os
import subprocess
import sys

import pytest

import keras_vae


def python(code, **env):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run([sys.executable, "-c", code], env={**environment, **env}, capture_output=True, text=True)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_import_under_another_backend_says_which_one_is_needed(backend):
    result = python("import keras_vae", KERAS_BACKEND=backend)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: keras_vae needs Keras on the TensorFlow backend")
    assert backend in last
    assert "KERAS_BACKEND=tensorflow" in last


def test_the_command_under_another_backend_ends_in_one_line():
    code = "import sys; sys.argv = ['bin/keras-vae', 'list']; from keras_vae.cli import main; main()"
    result = python(code, KERAS_BACKEND="torch")
    assert result.returncode == 1
    assert result.stderr.startswith("keras-vae: keras_vae needs Keras on the TensorFlow backend")
    assert result.stderr.count("\n") == 1


def test_import_under_another_backend_in_keras_json(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    result = python("import keras_vae", KERAS_HOME=str(tmp_path))
    assert "ImportError: keras_vae needs Keras on the TensorFlow backend" in result.stderr


def test_import_alone_imports_neither_tensorflow_nor_keras():
    code = "import sys, keras_vae; dir(keras_vae); print(sorted({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))"
    result = python(code, KERAS_BACKEND="tensorflow")
    assert (result.stdout.strip(), result.returncode) == ("[]", 0)


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'VEA'"):
        keras_vae.VEA  # noqa: B018
