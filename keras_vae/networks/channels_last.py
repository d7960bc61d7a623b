"""Keras's layers of images with channels last, whatever `image_data_format` says in keras.json."""

import functools

from keras import layers

LAST = {"data_format": "channels_last"}
Conv2D = functools.partial(layers.Conv2D, **LAST)
Conv2DTranspose = functools.partial(layers.Conv2DTranspose, **LAST)
Cropping2D = functools.partial(layers.Cropping2D, **LAST)
Flatten = functools.partial(layers.Flatten, **LAST)
MaxPooling2D = functools.partial(layers.MaxPooling2D, **LAST)
ZeroPadding2D = functools.partial(layers.ZeroPadding2D, **LAST)
