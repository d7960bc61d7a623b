"""Bad calls, generated, of everything that is public: a sample of what benchmarks/campaigns/calls.py makes."""

import itertools

import pytest
from calls.every import GROUPS, untried
from calls.target import Target
from calls.values import NEVER, these, whole

import keras_vae
from keras_vae import checks, metrics

FINE, EVERY = ("refused", "good"), 29


def faults(calls, judged, good=False):
    """`{label: what came of it}` of calls that did not end as they should."""
    came = {label: judged.judge(judged.function, arguments, good) for label, arguments in calls}
    return {label: found for label, found in came.items() if found[0] not in FINE}


@pytest.mark.parametrize(
    "group", ["constructors", "vae", pytest.param("mvae", marks=pytest.mark.further), "vae, unbuilt"]
)
def test_a_sample_of_bad_calls_is_refused_well_and_good_ones_do(group):
    for number, target in enumerate(GROUPS[group]()):
        bad = itertools.islice(target.calls(), number % EVERY, None, EVERY)
        good = itertools.islice(target.calls(good=True), number % EVERY, None, EVERY)
        assert not faults(itertools.chain(bad, target.pairs(1, seed=number)), target), target.name
        assert not faults(good, target, good=True), target.name


@pytest.mark.further
def test_every_public_argument_is_tried_or_excused(monkeypatch):
    assert untried() == []
    monkeypatch.setattr(metrics, "new_metric", lambda x: x, raising=False)
    monkeypatch.setattr(metrics, "__all__", [*metrics.__all__, "new_metric"])
    monkeypatch.setattr(keras_vae.VAE, "new_verb", lambda self, x: x, raising=False)
    assert untried() == ["VAE.new_verb", "new_metric"]


def test_what_is_taken_in_silence_or_ends_in_insides_is_found():
    silent = Target("silent", lambda x: x, {"x": 1}, {"x": whole()})
    assert {outcome for outcome, _ in faults(silent.calls(), silent).values()} == {"silent"}
    inside = Target("inside", lambda x: x + 1, {"x": 1}, {"x": these("a")})
    assert [outcome for outcome, _ in faults(inside.calls(), inside).values()] == ["insides"]


def test_an_argument_without_a_sort_is_named():
    with pytest.raises(KeyError, match="unheard_of"):
        Target("new", lambda unheard_of: None).tried()


@pytest.mark.parametrize("check", [checks.whole, checks.number, checks.flag])
def test_gates_say_what_was_wrong_of_whatever_comes(check):
    gate = Target("gate", lambda value: check("a", value), {"value": 1}, {"value": NEVER})
    assert not faults(gate.calls(), gate)
