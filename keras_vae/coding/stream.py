"""Compressed data as bytes: which model they are for, what is in them, and a check sum."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_vae import checks
from keras_vae.coding.bits_back import BitsBack
from keras_vae.models.inputs import one_array

MAGIC, VERSION = b"\x89KVAE\r\n", 1
HEAD = struct.Struct("<BI")  # version, bytes of the description
SUM = struct.Struct("<I")
DTYPES = ("bool", "uint8", "int32", "int64", "bfloat16", "float16", "float32", "float64")
# What of a layer's settings changes what it computes.
SETTINGS = (
    "activation",
    "strides",
    "padding",
    "kernel_size",
    "target_shape",
    "axis",
    "cropping",
    "pool_size",
    "epsilon",
)


def compress(model: Any, x: Any, entry: str = "", progress: Callable[[int], Any] | None = None) -> bytes:
    """Data as bytes, without loss, by bits-back coding (Townsend et al. 2019): close to the free energy in bits.

    Args:
        model: a built VAE or ladder, with a standard normal prior, a normal posterior and a discrete likelihood.
        x: `[examples, *event]`, as the model takes them.
        entry: a name for the model, for those who want to decompress.
        progress: None, or a function called with the number of examples just done: all of them twice, once to code them
            and once to check that they come out again.

    Raises:
        ImportError: constriction is not installed.
        TypeError: x holds no numbers.
        ValueError: a model that does not code; data of another shape, or other values than the likelihood has.
        RuntimeError: what was coded could not be decoded again.
    """
    checks.instance("entry", entry, str, "the name of an entry")
    checks.function("progress", progress, none=True)
    model.require_built()
    codec, dtype = BitsBack(model), getattr(x, "dtype", None)
    x = np.asarray(one_array("x", x))
    x = x.astype("bool") if dtype == "bool" else x
    if x.ndim != 1 + len(model.event_shape) or x.shape[1:] != model.event_shape or not len(x):
        raise ValueError(f"x must have the shape {['examples', *model.event_shape]}; got {list(x.shape)}.")
    if x.dtype.name not in DTYPES:
        raise TypeError(f"x must be of one of the types {', '.join(DTYPES)}; got {x.dtype}.")
    symbols = _symbols(codec.observation, x)
    stored = codec.encode(symbols, progress)
    if not np.array_equal(codec.decode(stored, progress), symbols):
        raise RuntimeError("What was coded does not decode to the same data. Please report it, with the model.")
    facts = {
        "model": type(model).__name__,
        "entry": entry,
        "fingerprint": fingerprint(model),
        "dtype": x.dtype.name,
        "shape": x.shape,
    }
    described = json.dumps(facts, separators=(",", ":")).encode()
    written = b"".join([MAGIC, HEAD.pack(VERSION, len(described)), described, stored])
    return written + SUM.pack(zlib.crc32(written))


def decompress(model: Any, data: bytes, progress: Callable[[int], Any] | None = None) -> np.ndarray:
    """What `compress` was given: the same shape, type and values.

    Args:
        model: the one that compressed it.
        data: all that `compress` returned.
        progress: None, or a function called with the number of examples just done.

    Raises:
        ImportError: constriction is not installed.
        TypeError: data are no bytes.
        ValueError: they are no such bytes, damaged, cut short, of another version or of another model.
    """
    checks.function("progress", progress, none=True)
    model.require_built()
    facts, stored = opened(data)
    if facts["fingerprint"] != fingerprint(model):
        whose = f"the entry {facts['entry']!r}" if facts["entry"] else f"another {facts['model']}"
        raise ValueError(f"The data were compressed by {whose}, whose weights differ from this model's: decode by it.")
    codec = BitsBack(model)
    try:
        symbols = codec.decode(stored, progress)
    except ValueError as error:
        raise ValueError(f"The compressed data could not be decoded: {error}.") from error
    return _typed(codec.observation, symbols, facts["dtype"])


def opened(data: bytes) -> tuple[dict[str, Any], bytes]:
    """`(what is said of them, the coder's bytes)` of compressed data.

    Raises:
        TypeError, ValueError: as `decompress`.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data must be the bytes that compress returned; got {checks.told(data)}.")
    data, start = bytes(data), len(MAGIC) + HEAD.size
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("These are no compressed data: they do not begin as what compress returns.")
    if len(data) < start + SUM.size or zlib.crc32(data[: -SUM.size]) != SUM.unpack(data[-SUM.size :])[0]:
        raise ValueError("The compressed data are damaged or cut short: their check sum is another.")
    version, length = HEAD.unpack(data[len(MAGIC) : start])
    if version != VERSION:
        raise ValueError(f"The compressed data have the format {version}; this version of keras_vae reads {VERSION}.")
    try:
        facts = json.loads(data[start : start + length])
        known = {"model", "entry", "fingerprint", "dtype", "shape"} <= set(facts) and facts["dtype"] in DTYPES
    except (ValueError, TypeError):
        known = False
    if not known:
        raise ValueError("The compressed data do not say what they are: no compress wrote them.")
    return facts, data[start + length : -SUM.size]


def fingerprint(model: Any) -> str:
    """A short name for all that a model computes codes with: its layers, settings and weights."""
    found = hashlib.sha256(f"{type(model).__name__} {getattr(model, 'merge', '')}".encode())
    for network in (model.encoder, model.decoder, *getattr(model, "top_down", ())):
        for layer in network.layers:
            settings = {key: value for key, value in layer.get_config().items() if key in SETTINGS}
            found.update(f"{type(layer).__name__} {json.dumps(settings, sort_keys=True, default=str)}".encode())
    found.update(json.dumps(model.likelihood.get_config(), sort_keys=True, default=str).encode())
    for weight in model.weights:
        found.update(np.ascontiguousarray(weight, "float32").tobytes())
    return found.hexdigest()[:16]


def _symbols(observation, x):
    """Data as whole numbers.

    Raises:
        ValueError: values that the likelihood does not have.
    """
    scaled = x / observation.largest if x.dtype == "uint8" else x
    with np.errstate(invalid="ignore"):
        symbols = observation.symbols(scaled)
    known = (symbols >= 0) & (symbols < observation.classes)
    if not (known.all() and np.array_equal(_typed(observation, symbols, x.dtype), x)):
        raise ValueError(f"x must be {observation.wanted}.")
    return symbols


def _typed(observation, symbols, dtype):
    """Whole numbers as the data that they stand for; 8-bit ones are counted from 0 to the largest."""
    values = observation.values(symbols)
    return (np.rint(values * observation.largest) if dtype == "uint8" else values).astype(dtype)
