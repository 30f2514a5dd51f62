"""What several twins need."""

import pytest


@pytest.fixture(scope="session")
def keras_on_torch(tmp_path_factory):
    """For tests that import Keras: on torch, and its settings, which it writes on import, not into the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_TORCH_DEVICE", "cpu")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield
