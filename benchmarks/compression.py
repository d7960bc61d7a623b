"""Compressed sizes: entries of the zoo as codecs, beside what everybody has.

    python -m benchmarks.compression                    10,000 test images of each data set; some minutes
    python -m benchmarks.compression --images 1000      fewer
    python -m benchmarks.compression --table            the table of what there is, coding nothing

The images are MNIST's test images, binarized: those that Larochelle & Murray (2011) published ("static"), and pixels
drawn once from the grey values, seed 0 ("drawn"), as each entry was trained on them. gzip, bz2 and xz, at their
highest level, are given all images in one piece, eight pixels a byte; PNG and lossless WebP each image by itself, at
their smallest setting, headers included. An entry's bytes are all that `compress` returns, with description, check sum
and seed. What comes out again is compared with what went in. Rows are kept in OUTPUT.json at once, and not made again
with the same number of images.

Bits a pixel, and seconds to compress (and, of an entry, to check by decompressing) and to decompress. The free energy
is that of one draw of z an image, by `evaluate`, in the same unit: below it bits-back coding cannot get.
"""

import argparse
import bz2
import gzip
import io
import json
import lzma
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from keras_vae import data, zoo
from keras_vae.zoo import entries, files, training

ENTRIES = {"vae_binarized_mnist": "static", "vae": "drawn", "ladder_vae": "drawn"}
WHOLE = {"gzip": gzip, "bz2": bz2, "xz": lzma}
EACH = {
    "PNG": {"format": "png", "optimize": True},
    "WebP": {"format": "webp", "lossless": True, "quality": 100, "method": 6},
}


def images(name: str, count: int) -> np.ndarray:
    """Zeros and ones, uint8 `[count, 28, 28, 1]`."""
    if name == "static":
        return (data.arrays("binarized_mnist", "test")[0][:count] > 0).astype("uint8")
    return data.binarize(data.arrays("mnist", "test")[0][:count] / 255.0, seed=0).numpy().astype("uint8")


def coded(
    compress: Callable[[], Any], decompress: Callable[[Any], Any], size: Callable[[Any], int]
) -> dict[str, float]:
    """Bytes, and seconds for both ways.

    Raises:
        RuntimeError: other data came back.
    """
    started = time.perf_counter()
    stored = compress()
    between = time.perf_counter()
    if not decompress(stored):
        raise RuntimeError("What was decompressed is not what was compressed.")
    seconds = {"compress_seconds": between - started, "decompress_seconds": time.perf_counter() - between}
    return {"bytes": size(stored), **seconds}


def by_library(name: str, x: np.ndarray) -> dict[str, float]:
    """What a coder makes of images: all of them, or each."""
    if name in WHOLE:
        packed, library = np.packbits(x).tobytes(), WHOLE[name]
        return coded(lambda: library.compress(packed), lambda stored: library.decompress(stored) == packed, len)

    def compress():
        found = []
        for one in x[..., 0]:
            stored = io.BytesIO()
            image = Image.fromarray(255 * one)
            (image.convert("1") if name == "PNG" else image).save(stored, **EACH[name])
            found.append(stored.getvalue())
        return found

    def same(found):
        again = (np.asarray(Image.open(io.BytesIO(stored)).convert("L")) > 127 for stored in found)
        return all(np.array_equal(a, b) for a, b in zip(again, x[..., 0], strict=True))

    return coded(compress, same, lambda found: sum(map(len, found)))


def by_entry(name: str, x: np.ndarray) -> dict[str, float]:
    """What an entry makes of images, and their free energy."""
    model = zoo.load(name)
    model.compress(x[:1])  # tables are made once
    found = coded(lambda: model.compress(x, name), lambda stored: np.array_equal(model.decompress(stored), x), len)
    nats = model.evaluate(x.astype("float32"), batch_size=100, verbose=0, return_dict=True)["free_energy"]
    return {**found, "free_energy": nats / (x[0].size * math.log(2.0))}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| coder | images | bits a pixel | free energy | s to compress | s to decompress |"]
    lines.append("| --- | --- |" + " ---: |" * 4)
    for row in sorted(rows, key=lambda row: (row["images"], -row["bits"])):
        energy = format(row["free_energy"], ".4f") if "free_energy" in row else ""
        coder = f"`{row['coder']}`" if row["coder"] in ENTRIES else row["coder"]
        seconds = " | ".join(format(row[f"{way}_seconds"], ".1f") for way in ("compress", "decompress"))
        lines.append(f"| {coder} | {row['images']} | {row['bits']:.4f} | {energy} | {seconds} |")
    return "\n".join([*lines, "", f"{rows[0]['count']:,} images of each kind; {rows[0]['device']}.", ""])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help="of each kind")
    parser.add_argument("--table", action="store_true", help="code nothing")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("benchmarks/compression"))
    given = parser.parse_args(arguments)
    folder, name = given.output.parent, f"{given.output.name}.json"
    kept = json.loads(files.read(folder, name)) if files.found(folder, name) else []
    rows = [row for row in kept if row["count"] == given.images]
    known = {(row["coder"], row["images"]) for row in rows}
    wanted = [*ENTRIES.items(), *((coder, kind) for coder in (*WHOLE, *EACH) for kind in ("static", "drawn"))]
    for coder, kind in () if given.table else wanted:
        if (coder, kind) in known:
            continue
        x = images(kind, given.images)
        found = (by_entry if coder in ENTRIES else by_library)(coder, x)
        facts = {"coder": coder, "images": kind, "count": len(x), "bits": 8 * found["bytes"] / x.size, **found}
        rows.append({**facts, **training.machine()})
        print(f"{coder}, {kind}: {facts['bits']:.4f} bits a pixel", flush=True)
        files.write_files(folder, {name: entries.to_json(rows)})
    if not rows:
        raise SystemExit(f"There is nothing in {given.output}.json yet: leave out --table.")
    files.write_file(given.output.with_suffix(".md"), table(rows).encode())
    print(table(rows))


if __name__ == "__main__":
    main()
