"""What the callbacks of other libraries share, and how they are imported."""

import subprocess
import sys
from importlib import import_module

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from goodfit.errors import InputError
from goodfit.torch.hosted import Hosted, Settings
from goodfit.torch.loaders import once_more

PACKAGES = {"lightning": "lightning.pytorch", "huggingface": "transformers", "skorch": "skorch.callbacks"}


@pytest.mark.parametrize("module", PACKAGES)
def test_a_library_that_is_absent_is_named_with_the_extra_that_brings_it(module, monkeypatch):
    package = PACKAGES[module]
    monkeypatch.delitem(sys.modules, f"goodfit.torch.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf'{module} needs .*: pip install "goodfit\[{package.partition(".")[0]}\]"$'):
        import_module(f"goodfit.torch.{module}")


def test_no_library_is_imported_before_its_module_is():
    libraries = "{'lightning', 'transformers', 'skorch'}"
    code = f"import sys; from goodfit.torch import Regularized; print({libraries} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def loader(**more):
    rows = torch.arange(12.0)[:, None]
    return DataLoader(TensorDataset(rows, rows), batch_size=4, **more)


@pytest.mark.parametrize("generator", [None, torch.Generator().manual_seed(2)])
def test_a_loader_is_read_once_more_in_the_same_order_and_without_a_trace(generator):
    shuffled = loader(shuffle=True, generator=generator)
    first, second = [*once_more(shuffled)], [*once_more(shuffled)]
    assert torch.equal(torch.cat([b[0] for b in first]), torch.cat([b[0] for b in second]))
    assert torch.equal(torch.cat([b[0] for b in first]), torch.cat([b[0] for b in shuffled]))
    assert not torch.equal(torch.cat([b[0] for b in first]), torch.cat([b[0] for b in shuffled]))


def test_a_reader_that_breaks_off_leaves_no_trace_either():
    before = torch.get_rng_state()
    reading = once_more(loader(shuffle=True))
    next(reading)
    reading.close()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loader_that_is_being_read_goes_on():
    shuffled = loader(shuffle=True)
    reading = iter(shuffled)
    seen = [next(reading)[0]]
    assert len([*once_more(shuffled)]) == 3
    seen += [batch[0] for batch in reading]
    assert sorted(torch.cat(seen)[:, 0].tolist()) == [*range(12)]


@pytest.mark.parametrize("several", [{"a": loader()}, [loader(), loader()]])
def test_several_loaders_are_refused(several):
    with pytest.raises(InputError, match="need one training loader, and there are several"):
        next(once_more(several))


def test_weights_come_back_whatever_happens_in_between():
    net = nn.Linear(1, 1, bias=False)
    hosted = Hosted(Settings("weight_averaging=0.5, early_stopping=3", "loss"))
    model = hosted.take(net)
    model.updates.averages = {"weight": torch.full((1, 1), 7.0)}
    own = net.weight.item()
    for act in (hosted.back, lambda: hosted.watch({"loss": 1.0}, list, ""), lambda: hosted.take(net)):
        hosted.show(list)
        hosted.show(list)
        assert net.weight.item() == 7.0
        act()
        hosted.back()
        hosted.back()
        assert net.weight.item() == own
    hosted.show(list)
    with pytest.raises(InputError, match=r"watches loss, which isn't among the metrics \(none\): log it"):
        hosted.watch({}, list, "log it")
    assert net.weight.item() == own
