"""The README's Python runs as it stands."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[2][:40])
def test_readme_example_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(README), "exec"), {})


def test_readme_has_an_example_for_each_of_three_users():
    assert len(BLOCKS) == 3
    assert all(block.count("\n") <= 14 for block in BLOCKS)


@pytest.mark.parametrize("name", ["vae", "mvae_poe", "classifier_mnist"])
def test_card_example_runs(name):
    from keras_vae import zoo

    exec(compile(zoo.recipe(name).USE, name, "exec"), {})
