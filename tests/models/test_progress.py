"""Progress ends at 100 %, however many steps a call makes."""

import re

import keras
import pytest
from tiny import vae


def shown(capsys):
    """`(steps, of how many)` of all that a bar has shown."""
    out = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    return [(int(done), int(steps)) for done, steps in re.findall(r"(\d+)/(\d+)", out)]


@pytest.mark.parametrize("per_call", [1, 3, 20])
@pytest.mark.parametrize("verb", ["fit", "evaluate", "predict"])
def test_a_bar_ends_at_the_number_of_steps(verb, per_call, images, capsys):
    model = vae()
    model.compile("adam", steps_per_execution=per_call)
    model.fit(images, batch_size=8, verbose=0)
    assert not capsys.readouterr().out
    getattr(model, verb)(images, batch_size=8, verbose=1)
    bars = shown(capsys)
    assert bars[-1] == (8, 8)
    assert all(done <= 8 and steps == 8 for done, steps in bars)


def test_a_bar_of_the_users_is_the_only_one(images, capsys):
    model = vae()
    model.compile("adam")
    model.fit(images, batch_size=8, verbose=1, callbacks=[keras.callbacks.ProgbarLogger()])
    assert capsys.readouterr().out.count("\n") <= 2
