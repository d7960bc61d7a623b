"""The stack of bits that bits-back coding takes from and gives to: `constriction`'s asymmetric numeral systems."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import ModuleType

import numpy as np

BITS = 20  # of a place between 0 and 1, in which the intervals of a symbol's probability are whole numbers


def coder_library() -> ModuleType:
    """The module `constriction.stream`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from constriction import stream
    except ImportError as error:
        raise ImportError(
            'compress needs constriction, which is not installed: pip install "keras_vae[compression]".'
        ) from error
    return stream


class Stack:
    """Symbols go in and come out again in the opposite order. What is taken from it before anything was put in are the
    seed: the same words everywhere, of which the bytes have those alone that something was built on.

    Args:
        seed_words: how many 32-bit words of seed there are at most.
        stored: the bytes of a stack; None: nothing but the seed.
    """

    def __init__(self, seed_words: int, stored: bytes | None = None) -> None:
        stream = coder_library()
        self.seed, self.lowest = seed(seed_words), seed_words
        words = self.seed
        if stored is not None:
            kept, stored = np.frombuffer(stored[:4], "<u4")[0], np.frombuffer(stored[4:], "<u4")
            words = np.concatenate([self.seed[:kept], stored])
        self.coder = stream.stack.AnsCoder(words.astype("uint32"))
        self.uniform, self.bernoulli = stream.model.Uniform(), stream.model.Bernoulli(perfect=False)
        self.categorical = stream.model.Categorical(perfect=False)

    def bits(self) -> int:
        """How many bits there are that have been paid for: all above the lowest word that something was built on."""
        return 32 * max(self.coder.num_words() - self.lowest, 0)

    def is_seed(self) -> bool:
        """Whether all that was put in has come out again."""
        return np.array_equal(self.coder.get_compressed(), self.seed)

    def to_bytes(self) -> bytes:
        """How many words of seed lie below, and all words above them."""
        kept = max(self.lowest - 2, 0)  # the coder holds the topmost two by themselves
        words = self.coder.get_compressed()
        return np.concatenate([[kept], words[kept:]]).astype("<u4").tobytes()

    def push_uniform(self, values: np.ndarray, sizes: np.ndarray) -> None:
        """Whole numbers below `sizes`, `[symbols]` each; of size 1 nothing is to be said."""
        said = sizes > 1
        if said.any():
            self.coder.encode_reverse(values[said].astype("int32"), self.uniform, sizes[said].astype("int32"))

    def pop_uniform(self, sizes: np.ndarray) -> np.ndarray:
        """Whole numbers that `push_uniform` put in, int64 `[symbols]`."""
        values, said = np.zeros(sizes.shape, "int64"), sizes > 1
        if said.any():
            values[said] = self.coder.decode(self.uniform, sizes[said].astype("int32"))
            self.lowest = min(self.lowest, self.coder.num_words())
        return values

    def push_interval(self, starts: np.ndarray, sizes: np.ndarray) -> None:
        """Symbols of probability `sizes 2^-20`, whose interval starts at `starts 2^-20`."""
        self.push_uniform(starts + self.pop_uniform(sizes), np.full(len(starts), 1 << BITS))

    def pop_interval(self, count: int, find: Callable) -> np.ndarray:
        """Symbols, `[count]`, by `find`: places below `2^20` to `(symbols, starts, sizes)`."""
        places = self.pop_uniform(np.full(count, 1 << BITS))
        symbols, starts, sizes = find(places)
        self.push_uniform(places - starts, sizes)
        return symbols

    def push_bits(self, bits: np.ndarray, probabilities: np.ndarray) -> None:
        """Zeros and ones, of probabilities that are multiples of `2^-24`."""
        self.coder.encode_reverse(bits.astype("int32"), self.bernoulli, probabilities)

    def pop_bits(self, probabilities: np.ndarray) -> np.ndarray:
        return self.coder.decode(self.bernoulli, probabilities)

    def push_classes(self, classes: np.ndarray, probabilities: np.ndarray) -> None:
        """Classes `[symbols]`, of probabilities `[symbols, classes]` that are multiples of `2^-24`."""
        self.coder.encode_reverse(classes.astype("int32"), self.categorical, probabilities)

    def pop_classes(self, probabilities: np.ndarray) -> np.ndarray:
        return self.coder.decode(self.categorical, probabilities)


def seed(words: int) -> np.ndarray:
    """The same arbitrary 32-bit words everywhere."""
    blocks = (hashlib.sha256(f"bits back {block}".encode()).digest() for block in range(-(-words // 8)))
    return np.frombuffer(b"".join(blocks), "<u4")[:words]
