"""Values as the columns of a frame: from a database's own text, and within what a calendar holds."""

from __future__ import annotations

import polars as pl

from goodfit.data.databases import failing

WHOLE = (pl.Decimal, pl.UInt64)
"""Types whose values are cast to floats by way of their digits, so that the nearest one is found."""
DAY, MOMENT, HOUR = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%H:%M:%S%.f"
_PLAIN = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?"
FORMS: dict[pl.DataType, str] = {
    pl.Date(): r"^\d{4}-\d\d-\d\d$",
    pl.Datetime("us"): f"{_PLAIN}$",
    pl.Datetime("us", "UTC"): rf"{_PLAIN}(?:Z|[+-]\d\d(?::\d\d)?)$",
}
"""How dates are written where the database has only text for them."""
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds since 1970 from the year 1 to the year 9999."""


def from_text(texts: pl.Series, kind: pl.DataType) -> pl.Series:
    """A column of what its texts say.

    Args:
        texts: numbers with a point, dates and datetimes in the order of ISO 8601, and `t` for true.
        kind: Int64, Float64, String, Boolean, Date, Time or Datetime; in UTC where the texts end in their offset.

    Raises:
        InputError: a text that is no such value, such as a date without end.

    Example:
        >>> from_text(pl.Series("price", ["1.5", None, "NaN"]), pl.Float64()).to_list()
        [1.5, None, nan]
    """
    if kind == pl.String:
        return texts
    found = _parsed(texts, kind)
    lost = found.null_count() - texts.null_count()
    if lost:
        example = texts.filter(found.is_null() & texts.is_not_null())[0]
        raise failing.unfit_value(texts.name, example, _CALLED.get(kind.base_type(), "number"))
    return found


def has_form(texts: pl.Series, kind: pl.DataType) -> bool:
    """Whether all texts are dates of this kind, from the year 1 on.

    Example:
        >>> has_form(pl.Series(["2024-02-29", None]), pl.Date()), has_form(pl.Series(["2024-02-30"]), pl.Date())
        (True, False)
    """
    if not texts.str.contains(FORMS[kind]).all() or texts.str.starts_with("0000").any():
        return False
    return _parsed(texts, kind).null_count() == texts.null_count()


def _parsed(texts: pl.Series, kind: pl.DataType) -> pl.Series:
    """Null where a text is no such value."""
    if kind == pl.Boolean:
        return texts == "t"
    if kind == pl.Date:
        return texts.str.to_date(DAY, strict=False)
    if kind == pl.Time:
        return texts.str.to_time(HOUR, strict=False)
    if isinstance(kind, pl.Datetime):
        texts = texts.str.replace("T", " ", literal=True)
        if kind.time_zone is None:
            return texts.str.to_datetime(MOMENT, time_unit="us", strict=False)
        texts = texts.str.replace("Z$", "+00:00").str.replace(r"([+-]\d\d)$", "$1:00")
        return texts.str.to_datetime(MOMENT + "%:z", time_unit="us", time_zone="UTC", strict=False)
    return texts.cast(kind, strict=False)


_CALLED = {pl.Date: "date", pl.Datetime: "date", pl.Time: "time of day", pl.Boolean: "boolean"}


def in_range(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, if its dates lie in the years 1 to 9999.

    Raises:
        InputError: one does not, as databases' dates without end don't.
    """
    for series in frame:
        if series.dtype.base_type() not in (pl.Date, pl.Datetime):
            continue
        scale = 86_400_000_000 if series.dtype == pl.Date else 1
        at = series.to_physical().cast(pl.Float64) * scale
        wrong = ((at < FIRST) | (at >= LAST)).fill_null(False)
        if wrong.any():
            raise failing.unfit_value(series.name, "a date beyond the years 1 to 9999", "date")
    return frame
