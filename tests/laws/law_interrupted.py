"""The job that the law of resuming interrupts; as a program it trains until it kills itself, with nothing tidied up."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from law_problems import all_kinds, make_data, make_run, make_settings

from goodfit.regularizers import BatchNorm, Dropout, EarlyStopping, GaussianNoise, Recipe
from goodfit.training import Checkpoint, Data, Execution, Run, RunResult, Settings, train

EPOCHS = 9
ONE_THREAD = Execution(threads=1)


def job() -> tuple[Data, list[Run], Settings]:
    """Members that stop at different epochs, diverge or go on; techniques carry a state and draw numbers."""
    watched = Recipe((EarlyStopping(2),))
    drawing = Recipe((BatchNorm(), Dropout(0.3, input=0.1), GaussianNoise(0.1)))
    runs = [
        *(make_run(watched, seed=seed, learning_rate=0.2 * (1 + seed)) for seed in range(4)),
        make_run(drawing, seed=4, train=range(37)),
        make_run(all_kinds().without(EarlyStopping), seed=5),
        *(make_run(seed=seed, train=range(50 - seed)) for seed in range(6, 10)),
        make_run(seed=10, learning_rate=1e9),
    ]
    return make_data("regression"), runs, replace(make_settings("sgd", max_epochs=EPOCHS), scaling=2.0)


def train_job(checkpoint: Checkpoint | None = None, on_epoch=None, *, execution=ONE_THREAD) -> list[RunResult]:
    return train(*job(), execution=execution, on_epoch=on_epoch, checkpoint=checkpoint)


def die(*_: object) -> None:
    """As by a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    path, moment, epoch, engine = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]

    def on_epoch(progress) -> None:
        if progress.epoch == epoch and moment == "between epochs":
            die()
        if progress.epoch == epoch - 1 and moment == "while saving":
            os.replace = die

    train_job(Checkpoint(path, interval=0), on_epoch, execution=replace(ONE_THREAD, engine=engine))


if __name__ == "__main__":
    main()
