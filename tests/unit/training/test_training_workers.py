"""torch's number of threads is as before once all trainings of a process have ended, side by side or not."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from training_problems import make_data, make_run, make_settings

from goodfit.training import train
from goodfit.training.workers import workers


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_while_workers_work_torch_uses_one_thread_in_each():
    with workers(3) as pool:
        assert torch.get_num_threads() == 1
        assert list(pool.map(lambda _: torch.get_num_threads(), range(6))) == [1] * 6
    assert torch.get_num_threads() == 2


def test_trainings_side_by_side_that_end_in_any_order_leave_the_threads_as_they_were():
    inside, first_is_done = Barrier(2), Barrier(2)

    def early():
        with workers(1):
            inside.wait(30)
        first_is_done.wait(30)

    def late():
        with workers(1):
            inside.wait(30)
            first_is_done.wait(30)
            assert torch.get_num_threads() == 1

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(early), pool.submit(late)]:
            done.result(60)
    assert torch.get_num_threads() == 2


def test_an_interrupted_training_gives_the_threads_back():
    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_data(), [make_run()], make_settings(), on_epoch=interrupt)
    assert torch.get_num_threads() == 2
