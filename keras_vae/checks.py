"""One gate for arguments: type first, then value, then one clear error. No TensorFlow: every room may use it."""

import difflib
import math
import numbers
import os
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LARGEST_COUNT = LARGEST_SEED = 2**31 - 1  # TensorFlow counts in int32
SHARE = 8  # what is returned may take one in so many bytes of memory: networks make several times as much on the way


def told(value: Any) -> str:
    """A value as messages show it: short, and what it is where it is large or has no words for itself."""
    kind = type(value).__name__
    try:
        if hasattr(value, "shape") and not isinstance(value, (type, types.ModuleType)):
            return f"{kind} of the shape {list(value.shape)}"
        text = " ".join(repr(value).split())  # one line
    except Exception:  # of another library, and broken; or of too many digits
        text = " at 0x"
    if " at 0x" in text:  # an address says nothing
        return f"something of the type {kind}"
    return text if len(text) <= 60 else f"{kind} {text[:40]}..."


def _scalar(value):
    """Arrays and tensors without axes as Python's numbers, and NumPy's numbers too."""
    if isinstance(value, type) or getattr(value, "shape", None) != () or hasattr(value, "mask"):
        return value
    value = value.numpy() if hasattr(value, "numpy") else value
    return value.item() if hasattr(value, "item") else value


def sequence(value: Any) -> bool:
    """Whether a value is a list or the like: a tuple, a range, an array of one axis."""
    shape = None if isinstance(value, (type, types.ModuleType)) else getattr(value, "shape", None)
    return isinstance(value, (list, tuple, range)) or (shape is not None and len(shape) == 1)


def whole(name: str, value: Any, least: int = 1, most: int = LARGEST_COUNT, none: bool = False) -> int | None:
    """An integer, NumPy's welcome and arrays' and tensors' without axes, as Python's own.

    Args:
        least, most: the smallest and largest that will do.
        none: whether None will do as well.

    Raises:
        TypeError: no integer; True and 2.0 are none.
        ValueError: out of bounds.
    """
    if value is None and none:
        return None
    wanted = {0: "an integer, 0 or more", 1: "a positive integer"}.get(least, f"an integer of at least {least}")
    number = _scalar(value)
    integral = isinstance(number, numbers.Integral) and not isinstance(number, bool)
    if most != LARGEST_COUNT or (integral and number > most):
        wanted = f"an integer, {least} to {most}"
    wanted += " or None" if none else ""
    if not integral:
        raise TypeError(f"{name} must be {wanted}; got {told(value)}.")
    if not least <= number <= most:
        raise ValueError(f"{name} must be {wanted}; got {told(number)}.")
    return int(number)


def sizes(
    name: str, value: Any, fewest: int = 0, axes: tuple[str, ...] = (), least: int = 1, none: bool = False
) -> tuple[int, ...] | None:
    """A sequence of integers, such as a shape or widths, as a tuple.

    Args:
        fewest: how many there must be at least.
        axes: what they are the sides of, where there must be as many.
        least: the smallest that will do.
        none: whether None will do as well.

    Raises:
        TypeError: no sequence of integers.
        ValueError: too few, too many, or one that is too small.
    """
    if value is None and none:
        return None
    what = "positive integers" if least == 1 else f"integers of at least {least}"
    wanted = f"a tuple of {what}" + (f", ({', '.join(axes)})" if axes else "") + (" or None" if none else "")
    if not sequence(value):
        raise TypeError(f"{name} must be {wanted}; got {told(value)}.")
    if len(value) < fewest or (axes and len(value) != len(axes)):
        raise ValueError(f"{name} must be {wanted}; got {len(value)}: {told(value)}.")
    return tuple(whole(f"each of {name}", size, least) for size in value)


def held(name: str, count: int, size: float) -> None:
    """Refuses a count of things that do not fit into memory together.

    Args:
        size: bytes of each.

    Raises:
        ValueError: they take more than an eighth of the memory that there is.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such system
        memory = 2**36
    if count * size > memory / SHARE:
        raise ValueError(
            f"{name}={count} asks for {count * size / 2**30:,.0f} GiB at once, more than an eighth of the memory of "
            f"{memory / 2**30:,.0f} GiB: call it several times, for at most {int(memory / SHARE / size)} each."
        )


def number(
    name: str,
    value: Any,
    least: float = -math.inf,
    most: float = math.inf,
    above: float | None = None,
    below: float = math.inf,
) -> float:
    """A finite real number within bounds, both included, larger than `above` and less than `below`, as a float; arrays
    and tensors without axes are welcome.

    Raises:
        TypeError: no number; True is none.
        ValueError: not finite, or out of bounds.
    """
    bounds = []
    if least > -math.inf:
        bounds.append(f"at least {least:g}")
    if above is not None:
        bounds.append(f"above {above:g}")
    if most < math.inf:
        bounds.append(f"at most {most:g}")
    if below < math.inf:
        bounds.append(f"below {below:g}")
    wanted = " ".join(["a finite number", " and ".join(bounds)]).strip()
    real = _scalar(value)
    if isinstance(real, bool) or not isinstance(real, numbers.Real):
        raise TypeError(f"{name} must be {wanted}; got {told(value)}.")
    try:
        real = float(real)
    except OverflowError:
        real = math.inf
    if not (math.isfinite(real) and least <= real <= most and (above is None or real > above) and real < below):
        raise ValueError(f"{name} must be {wanted}; got {told(_scalar(value))}.")
    return real


def reals(name: str, value: Any, **bounds: float) -> tuple[float, ...]:
    """A sequence of finite numbers within bounds, at least one, as a tuple.

    Args:
        **bounds: of `number`.

    Raises:
        TypeError: no sequence of numbers.
        ValueError: none, or one that is not finite or out of bounds.
    """
    if not sequence(value) or not len(value):
        raise TypeError(f"{name} must be a list of numbers, at least one; got {told(value)}.")
    return tuple(number(f"each of {name}", part, **bounds) for part in value)


def flag(name: str, value: Any) -> bool:
    """True or False.

    Raises:
        TypeError: anything else, 0, 1 and strings included.
    """
    numpys = getattr(getattr(value, "dtype", None), "kind", None) == "b" and value.shape == ()
    if not (isinstance(value, bool) or numpys):
        raise TypeError(f"{name} must be True or False; got {told(value)}.")
    return bool(value)


def seed(value: Any, none: bool = True) -> int | None:
    """A seed: an integer from 0 to 2**31 - 1, NumPy's welcome; or None, where that may be.

    Raises:
        TypeError, ValueError: as `whole`.
    """
    return whole("seed", value, 0, LARGEST_SEED, none=none)


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of several names.

    Raises:
        TypeError: no string.
        ValueError: none of them; the message has the nearest.
    """
    choices = sorted(choices)
    wanted = f"{choices}" if len(choices) <= 12 else f"{len(choices)}, such as {choices[:6]}"
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {wanted}; got {told(value)}.")
    if value not in choices:
        near = difflib.get_close_matches(value, choices, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"Unknown {name} {told(value)}.{hint} Choose from {wanted}.")
    return choices[choices.index(value)]  # an enumeration's string prints as its name


def path(name: str, value: Any, what: str = "a path") -> Any:
    """A path, a string or what `os.fspath` takes.

    Raises:
        TypeError: something else, bytes included.
        ValueError: it is empty, or holds a null character.
    """
    instance(name, value, (str, os.PathLike), what)
    if not os.fspath(value) or "\0" in str(value):
        raise ValueError(f"{name} must be {what}; got {told(value)}, which no file can be called.")
    return value


def function(name: str, value: Any, none: bool = False) -> Callable | None:
    """What can be called.

    Args:
        none: whether None will do as well.

    Raises:
        TypeError: anything else, classes included.
    """
    if value is None and none:
        return None
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} must be a function{' or None' if none else ''}; got {told(value)}.")
    return value


def instance(name: str, value: Any, kinds: type | tuple[type, ...], wanted: str) -> Any:
    """An object of one of these kinds, not the class itself.

    Args:
        wanted: what is accepted, in words.

    Raises:
        TypeError: something else.
    """
    if isinstance(value, type) and issubclass(value, kinds):
        raise TypeError(f"{name} must be {wanted}; got the class {value.__name__}: write {value.__name__}(...).")
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {wanted}; got {told(value)}.")
    return value


def by_name(name: str, values: Any, check: Callable, *bounds: Any) -> dict[str, Any]:
    """A dict whose values each pass a check; None is an empty one.

    Args:
        check: such as `whole`, called with a name, the value and the bounds.

    Raises:
        TypeError: no dict; and what the check raises.
    """
    if values is None:
        return {}
    instance(name, values, Mapping, "a dict by modality, or None")
    return {key: check(f"{name} of {key!r}", value, *bounds) for key, value in values.items()}


def named(value: Any, alone: Any = "") -> dict[Any, Any]:
    """A dict as it is; anything else as a dict of that one thing, under a name for what stands alone."""
    return dict(value) if isinstance(value, Mapping) else {alone: value}
