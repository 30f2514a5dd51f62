"""What is handed to compiled code, and what it hands back when it can't go on."""

import ctypes
from dataclasses import fields

import pytest
from training_problems import assert_near, make_data, make_run, make_settings, mixed_runs

from goodfit.errors import InputError
from goodfit.regularizers import families, stack
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.training import Execution, train
from goodfit.training.compiled import FIELDS, MEMBER, Compiled, Job, library_in_use, unknown
from goodfit.training.native import load_library

COMPILED = Execution(engine="compiled", threads=1)
CALLS = ("goodfit_train_epoch", "goodfit_mean_losses", "goodfit_refresh_statistics")


PORTABLE = {
    "brightness",
    "column_dropout",
    "contrast",
    "crop",
    "cut_mix",
    "erasing",
    "flip",
    "gain",
    "mixup",
    "pitch_shift",
    "rotate",
    "shift",
    "time_shift",
    "time_stretch",
    "vertical_flip",
    "white_noise",
}
"""Techniques that only the portable engine knows: most are for pictures and sounds, whose networks it trains anyway."""


def test_the_engine_knows_every_other_technique_and_every_dose():
    """But those that act between epochs, and dropout's, which go in as what is compared with random words."""
    kinds = [kind for kind in families().values() if not issubclass(kind, Adds | Rewrites)]
    assert {kind.name for kind in kinds if kind not in FIELDS} == PORTABLE
    kinds = list(FIELDS)
    assert unknown(stack([run.recipe for run in mixed_runs()])) == []
    for kind in kinds:
        doses = {field.name for field in fields(kind) if "range" in field.metadata}
        if kind.name not in {"dropout", "early_stopping"}:
            assert set(FIELDS[kind].values()) == doses


def test_structures_are_as_long_as_the_librarys_own():
    assert load_library().goodfit_sizes() == ctypes.sizeof(Job) * 65536 + MEMBER.itemsize


@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_a_library_from_other_sources_is_refused_in_a_line(monkeypatch, engine):
    sizes = load_library().goodfit_sizes()
    monkeypatch.setattr(load_library(), "goodfit_sizes", lambda: sizes + 8)
    with pytest.raises(InputError) as error:
        train(make_data(), [make_run()], make_settings(), execution=Execution(engine=engine))
    assert str(error.value) == "the compiled engine is of another version than goodfit; install goodfit anew"


@pytest.mark.parametrize("call", CALLS)
def test_a_lack_of_memory_in_compiled_code_is_a_memory_error(monkeypatch, call):
    """The training then takes fewer members at once, and with one alone it gives up."""
    members = []

    def refuse(job, first, count, *_):
        members.append(count)
        return 1

    monkeypatch.setattr(library_in_use(), call, refuse)
    with pytest.raises(InputError, match=r"^out of memory with one network alone"):
        train(make_data(), mixed_runs(), make_settings(), execution=COMPILED)
    assert members[0] > members[-1] == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_lack_of_memory_that_passes_changes_no_result(monkeypatch, call):
    whole = train(make_data(), mixed_runs(), make_settings(), execution=COMPILED)
    function, refused = getattr(library_in_use(), call), []

    def refuse_first(*arguments):
        if not refused:
            refused.append(arguments)
            return 1
        return function(*arguments)

    monkeypatch.setattr(library_in_use(), call, refuse_first)
    assert_near(train(make_data(), mixed_runs(), make_settings(), execution=COMPILED), whole)
    assert refused


def test_the_engine_itself_says_memory_error(monkeypatch):
    seen = []

    def train_epoch(self, block, epoch, whole=Compiled.train_epoch):
        monkeypatch.setattr(library_in_use(), "goodfit_train_epoch", lambda *_: 1)
        with pytest.raises(MemoryError):
            whole(self, block, epoch)
        seen.append(epoch)
        raise KeyboardInterrupt

    monkeypatch.setattr(Compiled, "train_epoch", train_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(make_data(), [make_run()], make_settings(), execution=COMPILED)
    assert seen == [0]
