"""Pages made of what is registered: the gallery, a page for each entry and each model, and the API reference.

conf.py writes them anew at each build. The gallery and the pages of entries are made without TensorFlow.
"""

import inspect
import os
import pathlib
import re
import shutil

import keras_vae
from keras_vae import plots, zoo
from keras_vae.zoo import cards, entries

VERBS = ("fit", "encode", "decode", "embed", "reconstruct", "sample", "traverse", "translate", "log_likelihood")


def write(docs):
    """Writes every page into the folder `docs`/generated, in place of those of an earlier build."""
    target = docs / "generated"
    pages = {"zoo/_gallery": gallery(docs), "zoo/_contents": contents(), "models/_overview": overview()}
    pages |= {f"zoo/{name}": entry_page(name, target / "zoo") for name in zoo.names(None)}
    pages |= {f"models/{name}": model_page(name, target / "models") for name in models()}
    pages |= {f"api/{name}": module_page(name) for name in modules()}
    shutil.rmtree(target, ignore_errors=True)
    for page, text in pages.items():
        path = target / f"{page}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plots.write(experts(), target / "experts.png")
    plots.write(chains(), target / "chains.png")


def experts():
    """Product and mixture of the same two experts, for the guide on several modalities."""
    panels = {
        "They agree": ((-0.3, 0.5), (0.6, 0.8)),
        "They differ": ((-2.0, 2.0), (0.5, 0.6)),
        "One is unsure": ((1.2, 0.0), (0.3, 1.5)),
    }
    return plots.experts(panels, names=("q(z|image)", "q(z|label)"))


def chains():
    """How fast the chains of `poise_vae`'s prior forget, for the guide on several modalities."""
    from keras_vae import metrics  # TensorFlow

    model = zoo.load("poise_vae")
    diagnostics = metrics.chain_diagnostics(model, chains=32, sweeps=4000, lags=100)
    return plots.chains(diagnostics, names=model.modalities, title="Chains of poise_vae's prior")


def models():
    """Names of the public models: those that define `posterior_of`, unlike their bases."""
    from keras_vae import models

    abstract = models.LatentVariableModel.posterior_of
    return sorted(name for name in models.__all__ if getattr(models, name).posterior_of is not abstract)


def section(name, title):
    """The text of one section of a model's docstring; None where it has none."""
    text = inspect.cleandoc(getattr(keras_vae, name).__doc__)
    found = re.search(rf"^{title}:\n(( +.*)?(\n|$))+", text, re.MULTILINE)
    return found and inspect.cleandoc(found.group(0).split("\n", 1)[1])


def modules():
    """Names of the public modules."""
    return [name for name in keras_vae.__all__ if inspect.ismodule(getattr(keras_vae, name))]


def gallery(docs):
    """A picture of every entry with its headline figure; index.md, in the folder `docs`, includes it."""
    made = []
    for name in zoo.names():
        facts = zoo.metrics(name)
        made.append(f"""\
:::{{grid-item-card}} {facts["title"]}
:img-top: {_path(name, entries.PREVIEW, docs)}
:img-alt: What {name} does
:link: generated/zoo/{name}
:link-type: doc
`{name}`: {cards.headline(facts)}
:::
""")
    return "\n".join(["::::{grid} 1 1 2 2", ":gutter: 3", ":class-container: gallery", "", *made, "::::", ""])


def verbs(name):
    """What one does with a model: links to where each is described."""
    bases, links = getattr(keras_vae, name).__mro__, []
    for verb in VERBS:
        described = [base.__name__ for base in bases if getattr(vars(base).get(verb), "__doc__", None)]
        links += [f"{{py:meth}}`{verb} <keras_vae.{base}.{verb}>`" for base in described[:1]]
    return f"{', '.join(links[:-1])} and {links[-1]}"


def overview():
    """Which model is for what, as the docstrings say; index.md includes it."""
    rows = []
    for name in models():
        text = section(name, "When to use") or ""
        rows.append([f"[{name}](generated/models/{name}.md)", text.replace("\n", " ").replace("|", r"\|")])
    return cards.table(rows, ("model", "when to use it")) + "\n"


def contents():
    """The entries' part of the table of contents, by their names; index.md includes it."""
    names = "\n".join(f"{name} <generated/zoo/{name}>" for name in [*zoo.names(), *zoo.names("classifier")])
    return f"```{{toctree}}\n:caption: Zoo\n:hidden:\n\n{names}\n```\n"


def entry_page(name, folder):
    """An entry's card, and a link to the page of its model."""
    text = f"""\
```{{include}} {_path(name, entries.CARD, folder)}
:relative-images:
```
"""
    model = zoo.metrics(name)["model"]
    if model in keras_vae.__all__:
        text += f"\n## Model\n\n[{model}](../models/{model}.md): its formula, when to use it, and how to fit it.\n"
    return text


def model_page(name, folder):
    """A model's docstring, and the figures of the entries that are made of it."""
    text = f"""\
# {name}

```{{eval-rst}}
.. autoclass:: keras_vae.{name}
   :members:
```

It has {verbs(name)}.
"""
    made = [entry for entry in zoo.names(None) if zoo.metrics(entry)["model"] == name]
    if made:
        text += "\n## In the zoo\n"
    for entry in made:
        text += f"""
### [{entry}](../zoo/{entry}.md)

![What {entry} does]({_path(entry, entries.PREVIEW, folder)})

```{{include}} {_path(entry, entries.CARD, folder)}
:start-after: "## Measured"
:end-before: "## Made"
:heading-offset: 2
```
"""
    return text


def module_page(name):
    """A module's reference, made of its docstrings; models have pages of their own."""
    text = f"# keras_vae.{name}\n\n```{{eval-rst}}\n.. automodule:: keras_vae.{name}\n"
    if name != "models":
        return f"{text}   :members:\n```\n"
    bases = sorted(set(keras_vae.models.__all__) - set(models()))
    text += "".join(f"\n.. autoclass:: keras_vae.{base}\n   :members:\n" for base in bases)
    return f"{text}```\n\nModels: {', '.join(f'[{model}](../models/{model}.md)' for model in models())}.\n"


def _path(name, file, folder):
    """Path of an entry's file, relative to the folder of a page."""
    return pathlib.Path(os.path.relpath(entries.folder(name) / file, folder)).as_posix()
