"""Editors and type checkers know what is public."""

import ast
import importlib
import inspect
import json
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest

import keras_vae

HERE, ROOT = pathlib.Path(__file__).parent, pathlib.Path(__file__).parents[2]
MODULES = (
    *("callbacks", "data", "metrics", "plots", "tuning", "cli", "zoo"),
    *("models", "objectives", "parts", "networks", "distributions"),
)
# What Keras calls, whose types are Keras's.
HOOKS = {
    *("build", "call", "get_config", "from_config", "compute_output_shape", "compute_metrics", "add_loss", "losses"),
    *("load_own_variables", "save_own_variables"),
}


def test_what_editors_are_told_are_the_public_names():
    tree = ast.parse(pathlib.Path(keras_vae.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = {(part.module, name.name) for part in block.body for name in part.names if name.name == name.asname}
    classes = {(module, name) for name, module in keras_vae._DEFINED_IN.items()}
    assert told == classes | {("keras_vae", name) for name in keras_vae._MODULES}
    assert (pathlib.Path(keras_vae.__file__).parent / "py.typed").is_file()


def public(module):
    """Functions of a module and methods of its classes, those that are its own and have no underscore."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        value = getattr(module, name)
        if not getattr(value, "__module__", "").startswith(module.__name__):
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for method, function in vars(value).items():
                function = getattr(function, "__func__", function)
                written = inspect.isfunction(function) and function.__code__.co_filename == inspect.getsourcefile(value)
                if written and not method.startswith("_"):
                    yield f"{name}.{method}", function


@pytest.mark.parametrize("name", MODULES)
def test_all_that_is_public_says_what_it_returns(name):
    found = dict(public(importlib.import_module(f"keras_vae.{name}")))
    assert found
    missing = [
        one
        for one, function in found.items()
        if "return" not in function.__annotations__ and one.split(".")[-1] not in HOOKS
    ]
    assert not missing, f"without a return annotation in {name}: {missing}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package's code as a wheel lays it out, where `zoo` and `tuning` are inside."""
    folder = tmp_path_factory.mktemp("installed")
    for source, target in (("keras_vae", "."), ("zoo", "zoo"), ("tuning", "tuning")):
        ignored = shutil.ignore_patterns("*.npz", "*.keras", "*.json", "*.png", "*.md", "__pycache__")
        shutil.copytree(ROOT / source, folder / "keras_vae" / target, ignore=ignored, dirs_exist_ok=True)
    return folder


def check(installed, folder, code):
    """What pyright says of a user's code: `["line: message", ...]`."""
    (folder / "user.py").write_text(code)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"] | {
        "extraPaths": [str(installed)]
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout.startswith("{"):  # it fetches its interpreter at the first use
        pytest.skip(f"pyright does not run here: {(done.stdout + done.stderr)[-300:]}")
    said = json.loads(done.stdout)["generalDiagnostics"]
    return [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in said if one["severity"] == "error"]


@pytest.mark.slow
@pytest.mark.slow
def test_a_users_file_has_no_type_error(installed, tmp_path):
    pytest.importorskip("pyright")
    assert check(installed, tmp_path, (HERE / "user.py").read_text()) == []


@pytest.mark.slow
@pytest.mark.slow
def test_a_wrong_name_is_a_type_error(installed, tmp_path):
    pytest.importorskip("pyright")
    names = ("VAEE()", "metrics.free_energies()", "callbacks.WarmUp('x').value()")
    wrong = "import keras_vae\n" + "".join(f"keras_vae.{name}\n" for name in names)
    assert [line.partition(":")[0] for line in check(installed, tmp_path, wrong)] == ["2", "3", "4", "4"]
