"""A VAE as a codec: the free energy is a code length. Data to bytes and back, without loss, on whole numbers alone."""

from keras_vae.coding.stream import compress, decompress, fingerprint, opened

__all__ = ["compress", "decompress", "fingerprint", "opened"]
