"""diagnose_log: what the loss curves of a training log tell."""

from __future__ import annotations

from pathlib import Path

from goodfit.diagnosis.log import LogDiagnosis, diagnose_curves
from goodfit.logs import Asked, read_log


def diagnose_log(path: str | Path, *, train: str | None = None, validation: str | None = None) -> LogDiagnosis:
    """Tell from a training log alone whether a network overfits.

    Whether validation turns is tested against the curve's own noise: a single noisy curve always has a lowest point,
    and rises from there. With three or more runs in the log their spread is the noise.

    Args:
        path: CSV (Keras' CSVLogger, Lightning's metrics.csv, or any table of losses), JSON lines, JSON (Keras' history,
            Hugging Face's trainer_state.json), TensorBoard's event files or folders, or a run folder of goodfit. The
            kind is told by the content.
        train: the field of the training loss, if its name isn't a usual one.
        validation: the field of the validation loss, likewise.

    Returns:
        Every verdict with its outcome, `.turn`, `.keep`, `.curves`, and in `.unknown` what a log can't tell.

    Raises:
        InputError: (a ValueError) what is there can't be read as a log, or it is not clear which field is the loss.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> rows = [f"{i},{0.97**i:.4f},{0.8**i + 0.004 * i:.4f}" for i in range(60)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = Path(folder, "log.csv")
        ...     _ = log.write_text("\\n".join(["epoch,loss,val_loss", *rows]))
        ...     diagnosis = diagnose_log(log)
        >>> "overfitting" in diagnosis.fired, diagnosis.keep.epoch
        (True, 18.0)
    """
    return diagnose_curves(read_log(path, Asked(train, validation)))
