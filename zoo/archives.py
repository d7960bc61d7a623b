"""Archives of models: the same bytes for the same model, and nothing of a stranger's that runs or is no number."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import tempfile
import zipfile
from typing import Any

from keras_vae.zoo import files

CONFIG, WEIGHTS, METADATA, ASSETS = "config.json", "model.weights.h5", "metadata.json", "assets/"
# Layers that are code: Python's, or another program's
CODE = ("__lambda__", "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# The modules of Keras that hold what models are made of; others of its functions read, write and download.
KERAS = {
    *("activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops"),
    *("optimizers", "quantizers", "random", "regularizers"),
}
SIZES = ("units", "filters", "input_dim", "output_dim", "key_dim", "num_heads", "value_dim")  # of weights, at least
LARGEST, EXPANSION = 1 << 28, 100  # bytes, and times the archive's: what is unpacked is less than one of them


def archive_of(model: Any, small: bool = True) -> bytes:
    """The bytes of a model's archive, without an optimizer: the same ones for the same model.

    Args:
        small: compress it by LZMA. Rounded weights shrink, others hardly do; loading takes twice as long.

    Raises:
        ValueError: the model has no weights yet, or some that are NaN or infinite.
    """
    if not model.built:
        raise ValueError("The model has no weights yet: fit or build it before saving.")
    check_finite(model, "The model")
    return _packed(_saved(read_archive(_saved(model), compile=False)), small)


def _saved(model):
    with _temporary() as path:
        model.save(path)
        return path.read_bytes()


@contextlib.contextmanager
def _temporary():
    """The path of an archive in a folder that is gone afterwards."""
    place, advice = tempfile.gettempdir(), "Make room there, or set TMPDIR to another folder."
    with files.disk(place, advice), tempfile.TemporaryDirectory(dir=place) as temporary:
        yield pathlib.Path(temporary) / "model.keras"


def _packed(archive, small):
    """The same archive without times and addresses in memory; compressed, where asked to, to little over half of its
    size. Keras reads it as ever."""
    packed, method = io.BytesIO(), zipfile.ZIP_LZMA if small else zipfile.ZIP_STORED
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(packed, "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name == METADATA:
                data = _json({"keras_version": json.loads(data)["keras_version"]})
            elif name == CONFIG:
                data = _json(_numbered(json.loads(data)))
            elif name == WEIGHTS:
                data = _weights(data, small)
            target.writestr(zipfile.ZipInfo(name), data, compress_type=method)  # of 1980
    return packed.getvalue()


def _json(value):
    return json.dumps(value).encode()


def _numbered(config):
    """A configuration whose shared objects have numbers, where Keras has their addresses in memory."""
    numbers = {}
    for part in _dicts(config):
        if "shared_object_id" in part:
            part["shared_object_id"] = numbers.setdefault(part["shared_object_id"], len(numbers) + 1)
    return config


def _dicts(config):
    """All dicts of a configuration, the outer ones first, however deep."""
    rest = [config]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            yield part
        if isinstance(part, dict | list):
            rest.extend(reversed(list(part.values() if isinstance(part, dict) else part)))


def _weights(data, small):
    """A copy of a file of weights, in the order of its names."""
    import h5py

    copy = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as old, h5py.File(copy, "w") as new:
        new.attrs.update(old.attrs)
        old.visititems(lambda path, item: _copy(path, item, new, small))
    return copy.getvalue()


def _copy(path, item, new, small):
    if hasattr(item, "shape"):
        # The first bytes of all numbers before the second ones: rounded weights then compress better
        options = {"shuffle": True, "chunks": item.shape} if small and item.size > 64 else {}
        new.create_dataset(path, data=item[()], **options).attrs.update(item.attrs)
    else:  # The names of layers within layers are numbered through the process, and nobody reads them
        new.require_group(path).attrs.update({key: value for key, value in item.attrs.items() if key != "name"})


def read_archive(source: bytes | str | os.PathLike, compile: bool = True, name: str | None = None) -> Any:
    """A model from Keras's archive, the classes of this package being known. No code of the archive runs, whatever the
    process has switched on; classes are Keras's, this package's, or registered ones.

    Args:
        source: a path, or the bytes themselves.
        name: what messages call it; None: its path.

    Raises:
        OSError: it cannot be read from the disk.
        ValueError: it is damaged, holds code or unknown classes, or weights that are NaN or infinite.
    """
    import keras

    from keras_vae.models.training import safe_mode  # and registers the classes that archives name

    name = name or ("The archive" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
    _check(data, name)
    with _temporary() as path:  # of our own: what was looked at is what is loaded
        path.write_bytes(data)
        try:
            with safe_mode():
                model = keras.models.load_model(path, compile=compile, safe_mode=True)
        except Exception as error:  # whatever Keras, TensorFlow and HDF5 make of what does not fit
            raise ValueError(
                f"{name} cannot be loaded: its parts do not fit together, or not this version ({reason(error)})."
            ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{name} holds no model but a {type(model).__name__}.")
    check_finite(model, name)
    return model


def reason(error: BaseException) -> str:
    """The first line of an error, short; without Keras's advice on how to switch safety off."""
    line = next(iter(str(error).strip().splitlines()), "")
    unsafe = any(word in str(error) for word in ("safe_mode", "unsafe_deserialization"))
    line = "it asks for what safe mode forbids" if unsafe else line
    return f"{type(error).__name__}: {line[:100]}{'...' if len(line) > 100 else ''}".removesuffix(": ")


def check_finite(model: Any, name: str) -> None:
    """Refuses a model, or its optimizer, that holds NaN or infinite numbers.

    Raises:
        ValueError: it does; the message names the first.
    """
    import numpy as np

    optimizer = getattr(model, "optimizer", None)
    for variable in [*model.weights, *(optimizer.variables if optimizer is not None else ())]:
        if "float" in str(variable.dtype) and not np.isfinite(variable.numpy()).all():
            raise ValueError(f"{name} has weights that are NaN or infinite: {variable.path}.")


def _check(data, name):
    """Refuses an archive that is not one of Keras, or that holds code, before anything is made of it."""
    damaged = f"{name} is damaged, or no archive of Keras"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members, names = archive.infolist(), archive.namelist()
            strange = [each for each in names if not _belongs(each)]
            missing = [each for each in (CONFIG, WEIGHTS) if each not in names]
            if strange or missing or len(set(names)) < len(names):
                what = f"{strange[0][:60]!r} is not part of one" if strange else f"it lacks {', '.join(missing)}"
                raise ValueError(what if strange or missing else "it has parts of the same name")
            if sum(member.file_size for member in members) > max(LARGEST, EXPANSION * len(data)):
                raise ValueError("it says that it is much larger than it can be")
            parts = {each: archive.read(each) for each in names}  # zipfile compares checksums
        config, count = json.loads(parts[CONFIG]), _count(parts[WEIGHTS])
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(f"{damaged} ({reason(error)}).") from error
    if not isinstance(config, dict):
        raise ValueError(f"{damaged}: its {CONFIG} is a {type(config).__name__}.")
    for part in _dicts(config):
        _check_class(part, name)
        for size in SIZES:
            if isinstance(part.get(size), int) and part[size] > max(count, 10**6):
                raise ValueError(f"{damaged}: it asks for {part[size]:.3g} {size}, and holds {count} weights.")


def _belongs(name):
    parts = pathlib.PurePosixPath(name).parts
    return name in (CONFIG, WEIGHTS, METADATA) or (
        name.startswith(ASSETS) and not {"..", "/"} & set(parts) and "\\" not in name
    )


def _count(weights):
    """How many numbers a file of weights holds; too many for its size are refused unread."""
    import h5py

    sizes = []
    with h5py.File(io.BytesIO(weights)) as file:
        file.visititems(lambda _, item: sizes.append((item.size or 0, item.nbytes)) if hasattr(item, "shape") else None)
    if sum(size for _, size in sizes) > max(LARGEST, EXPANSION * len(weights)):
        raise ValueError("its weights say that they are much larger than they can be")
    return sum(count for count, _ in sizes)


def _check_class(part, name):
    """Refuses a part of a configuration that is code, or names a class or function that Keras should not look for."""
    import keras

    kind, module = part.get("class_name"), part.get("module")
    if isinstance(kind, str) and kind in CODE:
        raise ValueError(
            f"{name} holds code ({kind}), and code of an archive is never run. Write that part as a layer that is "
            "registered by @keras.saving.register_keras_serializable(), and save the model again."
        )
    if not isinstance(kind, str) or "module" not in part or module is None or kind == "__typespec__":
        unknown = kind == "__typespec__"
    elif kind == "function":
        unknown = not (module == "builtins" or _of_keras(module) or _registered(keras, part.get("config")))
    else:
        unknown = not (_of_keras(module) or _registered(keras, part.get("registered_name")))
    if unknown:
        what = f"{module}.{part.get('config') if kind == 'function' else kind}"
        raise ValueError(
            f"{name} names {what[:80]!r}, which is not Keras's, not of keras_vae and not registered. If it is yours, "
            "import what registers it by @keras.saving.register_keras_serializable() first."
        )


def _of_keras(module):
    """Whether a module is one of Keras's that hold what models are made of: keras.layers, keras.src.ops.numpy."""
    first, *rest = str(module).split(".")
    rest = rest[1:] if rest[:1] == ["src"] else rest
    return first == "keras" and (str(module) == "keras" or (bool(rest) and rest[0] in KERAS))


def _registered(keras, name):
    return isinstance(name, str) and keras.saving.get_registered_object(name) is not None


def sha256(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def load_arrays(source: bytes | str | os.PathLike, name: str | None = None) -> Any:
    """The numbers of a NumPy file: an array of a .npy, a dict of them of a .npz.

    Args:
        source: a path, or the bytes themselves.
        name: what messages call it; None: its path.

    Raises:
        OSError: it cannot be read from the disk.
        ValueError: it is no such file, damaged, or holds Python objects, which are never read.
    """
    import numpy as np

    name = name or str(source)
    data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
    try:
        stored = np.load(io.BytesIO(data), allow_pickle=False)
        return stored if isinstance(stored, np.ndarray) else {key: stored[key] for key in stored}
    except Exception as error:  # a damaged file can raise anything
        if "Object arrays" in str(error):
            raise ValueError(
                f"{name} holds Python objects. Save numbers: np.save(file, x.astype('float32'))."
            ) from error
        raise ValueError(f"{name} is damaged, or not what np.save and np.savez write.") from error
