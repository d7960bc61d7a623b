"""Damaged and hostile folders, made of a good one: `made(folder, entry, number)` makes the one of that number."""

import io
import json
import pathlib
import random
import struct
import zipfile
from collections.abc import Callable

import h5py
import numpy as np

from keras_vae.zoo import archives, entries, files

Parts = dict[str, bytes]


def unpacked(archive: bytes) -> Parts:
    """`{name: contents}` of an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return {name: source.read(name) for name in source.namelist()}


def packed(parts: Parts, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, data in parts.items():
            target.writestr(name, data)
    return buffer.getvalue()


def edited(parts: Parts, edit: Callable) -> Parts:
    """Parts whose configuration a function has changed."""
    config = json.loads(parts[archives.CONFIG])
    edit(config)
    return {**parts, archives.CONFIG: json.dumps(config).encode()}


def reweighed(parts: Parts, edit: Callable) -> Parts:
    """Parts whose file of weights a function has changed; it is given the file and its arrays of floats."""
    buffer = io.BytesIO(parts[archives.WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        arrays = []
        file.visititems(lambda _, item: arrays.append(item) if getattr(item, "dtype", None) == "float32" else None)
        edit(file, arrays)
    return {**parts, archives.WEIGHTS: buffer.getvalue()}


def classes(config: dict) -> list[dict]:
    """The parts of a configuration that name a class."""
    return [part for part in archives._dicts(config) if "class_name" in part and "config" in part]


def replaced(random_, other: dict) -> Callable:
    """Puts another object in the place of one of a configuration's."""

    def edit(config):
        part = random_.choice(classes(config)[1:])
        part.clear()
        part.update(other)

    return edit


def lambda_of(canary: pathlib.Path) -> tuple[dict, dict]:
    """A lambda that writes a file when it is called, as a Lambda layer stores it, and as Keras does elsewhere."""
    import keras

    function = lambda x, path=str(canary): (open(path, "w").close(), x)[1]  # noqa: E731
    return keras.layers.Lambda(function).get_config()["function"], keras.saving.serialize_keras_object(function)


def flipped(data: bytes, random_, count: int = 1) -> bytes:
    """Bytes of which some bits are others."""
    data = bytearray(data)
    for _ in range(count):
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    return bytes(data)


def bits(parts, random_, canary):
    return flipped(packed(parts), random_, random_.choice((1, 10, 1000)))


def bits_of_weights(parts, random_, canary):
    return packed({**parts, archives.WEIGHTS: flipped(parts[archives.WEIGHTS][:2000], random_, 20)})


def bits_of_config(parts, random_, canary):
    return packed({**parts, archives.CONFIG: flipped(parts[archives.CONFIG], random_, 20)})


def cut(parts, random_, canary):
    data = packed(parts)
    return data[: random_.randrange(len(data))]


def without_a_part(parts, random_, canary):
    gone = random_.choice((archives.CONFIG, archives.WEIGHTS))
    return packed({name: data for name, data in parts.items() if name != gone})


def lambda_layer(parts, random_, canary):
    of_layer, code = lambda_of(canary)

    def activation(config):
        random_.choice([part for part in classes(config) if part["class_name"] == "Dense"])["config"]["activation"] = (
            code
        )

    def layer(config):  # in the network's graph, where it would be called
        part = random_.choice([part for part in classes(config) if part["class_name"] == "Reshape"])
        part.update(class_name="Lambda", config={"name": part["config"]["name"], "function": of_layer})

    return packed(edited(parts, random_.choice((activation, layer, replaced(random_, code)))))


def foreign_function(parts, random_, canary):
    module, name = random_.choice((("os", "system"), ("builtins", "eval"), ("subprocess", "run"), ("posix", "system")))
    kinds = (
        {"module": module, "class_name": "function", "config": name, "registered_name": name},
        {"module": module, "class_name": name, "config": {"command": f"touch {canary}"}, "registered_name": None},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": f"file://{canary}"}},
        {"module": "keras.saving", "class_name": "load_model", "config": {"filepath": str(canary)}},
    )
    return packed(edited(parts, replaced(random_, random_.choice(kinds))))


def foreign_layer(parts, random_, canary):
    name = random_.choice(("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"))
    config = {"filepath": str(canary), "call_endpoint": "serve", "name": "code", "module": str(canary)}
    other = {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
    return packed(edited(parts, replaced(random_, other)))


def wrong_class(parts, random_, canary):
    def edit(config):
        part = random_.choice(classes(config))
        part["class_name"] += "X"
        part["registered_name"] = random_.choice((None, "nobody>Nothing", "keras_vae>Nothing"))

    return packed(edited(parts, edit))


def paths_out(parts, random_, canary):
    name = random_.choice(
        (f"../{canary.name}", str(canary), f"assets/../../{canary.name}", f"assets/..\\{canary.name}")
    )
    return packed({**parts, name: b"out"})


def bomb(parts, random_, canary):
    return packed({**parts, "assets/zeros": bytes(300 << 20)}, zipfile.ZIP_DEFLATED)


def larger_than_it_is(parts, random_, canary):
    data = bytearray(packed(parts))
    entry = data.rfind(b"PK\x01\x02")  # of the directory; its size stands 24 bytes behind
    struct.pack_into("<I", data, entry + 24, 0xFFFFFF00)
    return bytes(data)


def huge_layer(parts, random_, canary):
    def edit(config):
        part = random_.choice([part for part in archives._dicts(config) if "units" in part])
        part["units"] = random_.choice((10**9, 10**12, 10**30))

    return packed(edited(parts, edit))


def huge_weights(parts, random_, canary):
    def edit(file, arrays):
        name, shape = random_.choice(arrays).name, (10**5, 10**5)
        del file[name]
        file.create_dataset(name, shape, "float32", chunks=(1000, 1000))

    return packed(reweighed(parts, edit))


def infinite_weights(parts, random_, canary):
    def edit(_, arrays):
        array = random_.choice([array for array in arrays if array.size])
        array[...] = np.full(array.shape, random_.choice((np.nan, np.inf, -np.inf)), "float32")

    return packed(reweighed(parts, edit))


def other_weights(parts, random_, canary):
    def edit(file, arrays):
        name = random_.choice(arrays).name
        del file[name]
        if random_.random() < 0.5:
            file[name] = np.ones(7, "float32")

    return packed(reweighed(parts, edit))


def linked_weights(parts, random_, canary):
    def edit(file, arrays):
        name = random_.choice(arrays).name
        del file[name]
        file[name] = h5py.ExternalLink(str(canary), "/x")

    return packed(reweighed(parts, edit))


def no_configuration(parts, random_, canary):
    odd = (b"", b"[]", b"null", b"{}", b"3", b'"VAE"', b"[" * 50_000, b"\xff\xfe", b'{"class_name": []}')
    return packed({**parts, archives.CONFIG: random_.choice(odd)})


ARCHIVES = (
    *(bits, bits_of_weights, bits_of_config, cut, without_a_part, lambda_layer, foreign_function, foreign_layer),
    *(wrong_class, paths_out, bomb, larger_than_it_is, huge_layer, huge_weights, infinite_weights, other_weights),
    *(linked_weights, no_configuration),
)
METRICS = (b"[]", b"null", b"{}", b"", b"3", b'"x"', b"\xff", b'{"archive": []}', b'{"archive": {}}', b"[" * 50_000)


def metrics_swapped(facts, random_):
    return entries.to_json({**facts, "kind": random_.choice(("classifier", "judge", None, []))})


def metrics_of_another(facts, random_):
    return entries.to_json({**facts, "archive": {"sha256": "0" * 64, "bytes": 1}})


def no_metrics(facts, random_):
    return random_.choice(METRICS)


KINDS = (*ARCHIVES, metrics_swapped, metrics_of_another, no_metrics)


def made(folder: pathlib.Path, source: pathlib.Path, number: int, canary: pathlib.Path) -> str:
    """Makes the damaged folder of that number, and gives the kind of its damage: each in turn, by another seed.

    Args:
        source: the folder of a good entry.
        canary: a file that its code, if it ran, would make.
    """
    kind, random_ = KINDS[number % len(KINDS)], random.Random(number)
    archive, facts = entries.checked(source)
    if kind in ARCHIVES:
        archive = kind(unpacked(archive), random_, canary)
        metrics = entries.to_json({**facts, "archive": entries.archive_facts(archive)})  # as an attacker would
    else:
        metrics = kind(facts, random_)
    files.write_files(folder, {entries.ARCHIVE: archive, entries.METRICS: metrics})
    return kind.__name__
