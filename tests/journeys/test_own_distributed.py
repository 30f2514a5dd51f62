"""A regularized module under DistributedDataParallel: two processes that train as one."""

import socket

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import mse_loss
from torch.nn.parallel import DistributedDataParallel

from goodfit.errors import InputError
from goodfit.torch import Regularized

pytestmark = pytest.mark.skipif(not distributed.is_gloo_available(), reason="this torch was built without gloo")

RECIPE = "l1=0.02, max_norm=2, weight_averaging=0.5, early_stopping=2"


def rows():
    made = torch.Generator().manual_seed(0)
    X = torch.randn(64, 6, generator=made)
    return X, X[:, :2].sum(1, keepdim=True)


def regularized():
    torch.manual_seed(0)
    return Regularized(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)), RECIPE)


def train(model, called, X, y, losses):
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.03))
    for loss in losses:
        optimizer.zero_grad()
        mse_loss(called(X), y).backward()
        optimizer.step()
        if model.stop(loss):
            break
    model.restore()
    return len(model.told().losses)


def work(rank, port, folder):
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    X, y = rows()
    model = regularized()
    # the mean over both processes falls for three epochs and rises then; neither process's own loss does so
    losses = [[9.0, 5.0, 4.0, 9.0, 9.0, 9.0], [9.0, 7.0, 6.0, 3.0, 3.0, 2.0]][rank]
    stopped = train(model, DistributedDataParallel(model), X[rank::2], y[rank::2], losses)
    noisy, _ = Regularized(nn.Linear(1, 1), "gaussian_noise=1").augment(torch.zeros(50, 1), torch.zeros(50))
    sharded = nn.Sequential(nn.Linear(4, 3))
    fully_shard(sharded, mesh=init_device_mesh("cpu", (2,)))
    with pytest.raises(InputError, match=r"0\.weight is sharded over processes: use DistributedDataParallel"):
        Regularized(sharded, "l1=0.1")
    saved = {"weights": model.module.state_dict(), "stopped": stopped, "told": str(model.told()), "noise": noisy}
    torch.save(saved, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_train_stop_and_restore_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, args=(port, tmp_path), nprocs=2)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = regularized()
    X, y = rows()
    stopped = train(alone, alone, X, y, [9.0, 6.0, 5.0, 6.0, 6.0, 5.5])
    assert one["stopped"] == other["stopped"] == stopped == 5
    assert one["told"] == other["told"] == str(alone.told())
    for name, value in alone.module.state_dict().items():
        assert torch.equal(one["weights"][name], other["weights"][name])
        torch.testing.assert_close(one["weights"][name], value, rtol=1e-4, atol=1e-5)
    assert not torch.equal(one["noise"], other["noise"])
