"""Who else may train than this process: nothing of it is imported before it is asked for."""

from goodfit.backends.choosing import BACKENDS, backend_of

__all__ = ["BACKENDS", "backend_of"]
