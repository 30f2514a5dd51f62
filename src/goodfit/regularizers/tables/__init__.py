"""What acts on the rows of a table: synthetic rows of rare classes, and columns left out."""

from goodfit.regularizers.tables.column_dropout import ColumnDropout
from goodfit.regularizers.tables.smote import Smote

__all__ = ["ColumnDropout", "Smote"]
