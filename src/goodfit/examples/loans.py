"""Loans of Lending Club, good and bad: real data to try things on."""

from pathlib import Path

import polars as pl


def load_loans() -> pl.DataFrame:
    """Read 9,857 loans of Lending Club, granted in early 2016: what was known, and how it went.

    The column to predict is `target`: "bad" (517 loans, 5.2 %: charged off, in default, or 21 to 120 days late) or
    "good" (paid back, or on time so far). The 22 features have no missing values: the loan (funded_amnt in dollars,
    term in months, int_rate in % a year, sub_grade), the borrower (addr_state, verification_status of the income,
    annual_inc in dollars a year, emp_length in years), and the credit file (delinquencies, inquiries, utilization in
    %, counts, balances and limits of other credit).

    Returns:
        9,857 rows, 23 columns.

    Example:
        >>> load_loans().shape
        (9857, 23)

    Source: `lending_club` of the R package modeldata (MIT licence), from the public loan files of Lending Club; see
        LICENSES.md beside this module.
    """
    return pl.read_parquet(Path(__file__).with_name("lending_club.parquet"))
