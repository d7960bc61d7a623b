"""Writes the results table into the README between its marks: `python -m keras_vae.zoo.readme`."""

import pathlib

from keras_vae.zoo.cards import results_table

BEGIN, END = "<!-- results: made by python -m keras_vae.zoo.readme -->", "<!-- end of results -->"


def updated(text):
    """The README with a fresh table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{results_table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    path = pathlib.Path("README.md")
    path.write_text(updated(path.read_text()))
