"""Names that have moved to `keras_vae.parts` work for one more version, and say so."""

import importlib

import pytest

from keras_vae import parts


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras_vae.distributions", "NormalLikelihood"),
        ("keras_vae.distributions", "CoupledExponentialPrior"),
        ("keras_vae.models.code_priors", "AutoregressivePrior"),
    ],
)
def test_a_name_that_has_moved_works_with_a_warning(module, name):
    with pytest.warns(DeprecationWarning, match=f"has moved: use keras_vae.parts.{name}"):
        assert getattr(importlib.import_module(module), name) is getattr(parts, name)


def test_a_name_that_never_was_is_none():
    with pytest.raises(AttributeError, match="has no attribute 'NoLikelihood'"):
        importlib.import_module("keras_vae.distributions").NoLikelihood  # noqa: B018
