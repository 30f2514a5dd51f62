"""Exported models as another program runs them, and tables as it hands them over."""

import onnxruntime
import polars as pl

SESSION = onnxruntime.SessionOptions()
SESSION.intra_op_num_threads = 1


def session(content):
    """A file, or its bytes, as a runtime loads it."""
    source = content if isinstance(content, bytes) else str(content)
    return onnxruntime.InferenceSession(source, SESSION, providers=["CPUExecutionProvider"])


def answers(loaded, feed):
    """What a loaded file says, by output."""
    return dict(zip([out.name for out in loaded.get_outputs()], loaded.run(None, feed), strict=True))


def fed(frame, names):
    """Columns of a polars frame `(n, 1)`: text with "" where missing, else doubles with NaN where missing."""
    return {name: _column(frame[name])[:, None] for name in names}


def _column(series):
    if series.dtype == pl.String:
        return series.fill_null("").to_numpy().astype(object)
    if series.dtype in (pl.Date, pl.Datetime):
        series = series.cast(pl.Datetime("us")).to_physical().cast(pl.Float64) / 1e6
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
