"""Loading without code, whatever a process has switched on."""

from contextlib import AbstractContextManager

from keras.src.saving.serialization_lib import SafeModeScope


def safe_mode() -> AbstractContextManager:
    """A scope in which Keras's safe mode holds: `keras.config.enable_unsafe_deserialization` would else overrule what a
    call asks for."""
    return SafeModeScope(True)
