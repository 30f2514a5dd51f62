"""A small table with a column of every kind."""

import numpy as np
import polars as pl


def make_table(rows: int = 120, seed: int = 0) -> pl.DataFrame:
    """Customers who leave or stay: numbers, a number with gaps, text, dates, booleans, and the target."""
    random = np.random.default_rng(seed)
    age, spent = random.normal(45, 12, rows), random.lognormal(3, 1, rows)
    member = random.random(rows) < 0.5
    score = (age - 45) / 12 + member + random.normal(0, 0.7, rows)
    gaps = random.random(rows) < 0.15
    return pl.DataFrame(
        {
            "age": age,
            "spent": pl.Series(spent).set(pl.Series(gaps), None),
            "town": pl.Series(random.choice(["Bath", "York", "Leeds"], rows)).set(pl.Series(age < 30), None),
            "since": np.datetime64("2020-01-01") + random.integers(0, 1500, rows),
            "member": member,
            "left": np.where(score > 0.5, "yes", "no"),
        }
    )
