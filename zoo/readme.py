"""Writes every card, and the README's table of results between its marks: `python -m keras_vae.zoo.readme`."""

import pathlib
from typing import Any

from keras_vae.zoo import cards, entries

BEGIN, END = "<!-- results: made by python -m keras_vae.zoo.readme -->", "<!-- end of results -->"


def updated(text) -> str:
    """The README with a fresh table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{cards.results_table()}\n{END}{rest.split(END)[1]}"


def main() -> Any:
    for name in entries.names(None):
        text = cards.render(entries.recipe(name), entries.metrics(name))
        entries.write_files(entries.folder(name), {entries.CARD: text.encode()})
    readme = pathlib.Path("README.md")
    readme.write_text(updated(readme.read_text()))


if __name__ == "__main__":
    main()
