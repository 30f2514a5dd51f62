"""Real Ray clusters of several nodes on this machine: nothing listens but on the loopback, and nothing is reported."""

import builtins
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # what it leaves out on Linux is the network
    "RAY_ADDRESS": "",
}
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


@contextmanager
def ray_cluster(nodes: int = 1) -> Iterator:
    """A cluster whose head, and so many nodes more, have a CPU each; its folder lies outside the usual one."""
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        patch.setattr(builtins, "print", print)  # Ray puts its own there, and skorch prints where it isn't Python's
        import ray
        from ray.cluster_utils import Cluster

        patch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)  # it may have been imported before

        os.makedirs(os.path.dirname(ray._private.utils.get_ray_address_file(None)), exist_ok=True)
        folder = tempfile.mkdtemp(prefix="ray-")
        cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False, "temp_dir": folder})
        try:
            for _ in range(nodes):
                cluster.add_node(**NODE)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def settings_for_commands() -> dict[str, str]:
    """The environment of a command beside such a cluster."""
    return os.environ | SETTINGS
