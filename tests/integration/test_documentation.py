"""The Python that the documentation shows runs as it stands: README, guides, docstrings and cards."""

import doctest
import inspect
import pathlib
import re
import subprocess
import sys

import keras
import pages
import pytest
import tensorflow as tf

import keras_vae
from keras_vae import parts, zoo
from keras_vae.zoo import entries

ROOT = pathlib.Path(__file__).parents[2]
PUBLIC = {"keras_vae": keras_vae} | {name: getattr(keras_vae, name) for name in keras_vae.__all__}
PUBLIC |= {f"parts.{name}": getattr(parts, name) for name in parts.__all__ if isinstance(getattr(parts, name), type)}


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


def example(public):
    """The `>>>` lines of a docstring."""
    return "".join(part.source for part in doctest.DocTestParser().get_examples(inspect.getdoc(public)))


def uses():
    """`{name: code}` of cards, one of those that differ in nothing but the entry's name."""
    named = {zoo.recipe(name).use: name for name in reversed(zoo.names(None))}
    return {name: zoo.recipe(name).example(name) for name in named.values()}


README = blocks(ROOT / "README.md")
EXAMPLES = {
    **{f"README {index}": block for index, block in enumerate(README)},
    **{f"guide {path.stem}": "\n".join(blocks(path)) for path in sorted((ROOT / "docs" / "guides").glob("*.md"))},
    **{name: example(public) for name, public in PUBLIC.items() if example(public)},
    **{f"card {name}": use for name, use in uses().items()},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, tmp_path, monkeypatch, strategy):
    """As it stands, but that a fit is of one epoch."""
    fit = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **kwargs: fit(*args, **{**kwargs, "epochs": 1}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda *args: strategy)  # a second one would mix up with it
    exec(compile(EXAMPLES[name], name, "exec"), {})


def test_readme_has_an_example_for_each_of_three_users():
    assert len(README) == 3
    assert all(block.count("\n") <= 14 for block in README)


@pytest.mark.parametrize("name", pages.models())
def test_docstring_has_what_a_page_needs(name):
    formula, use, code = (pages.section(name, title) or "" for title in ("Formula", "When to use", "Example"))
    assert re.match("`.*[=+-].*`", formula, re.DOTALL)
    assert use.endswith(".")
    assert f"keras_vae.{name}(" in code


def test_every_model_and_entry_has_a_page(tmp_path):
    pages.write(tmp_path)
    for folder, names in (("zoo", zoo.names(None)), ("models", pages.models()), ("api", pages.modules())):
        written = {path.stem for path in (tmp_path / "generated" / folder).glob("[!_]*.md")}
        assert written == set(names)
    for path in tmp_path.glob("generated/*/*.md"):
        base = tmp_path if path.stem == "_gallery" else path.parent
        for file in re.findall(r"(?:img-top: |{include} |]\()(\S+/zoo/[^\s)]+)", path.read_text()):
            assert (base / file).is_file(), f"{path.name}: {file}"


def test_entry_with_a_recipe_alone_has_no_page(toy):
    assert "toy" in entries.recipes()
    assert "toy" not in pages.gallery(toy) + pages.contents()


def test_gallery_and_cards_need_no_tensorflow():
    code = "import pathlib, sys; import pages; from keras_vae import zoo; here = pathlib.Path(); pages.gallery(here)\n"
    code += "for name in zoo.names(None): pages.entry_page(name, here)\nassert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "docs")
