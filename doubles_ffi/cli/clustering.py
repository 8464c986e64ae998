"""`doubles count --cluster`: counting on a running cluster, or on one that is started here."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster

from doubles_ffi import cluster
from doubles_ffi._library import num_threads
from doubles_ffi.cli.system import ctrl_c_kept_from_children, on_ctrl_c
from doubles_ffi.cluster import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doubles_ffi.cluster import Result
    from doubles_ffi.files import Progress


def count_files(
    names: list[str],
    address: str,
    encoding: str | None,
    progress: Progress | None,
    *,
    tally: bool,
) -> Result:
    """Count files on the cluster at an address; `local` starts one here that ends with the count.

    Raises:
        ClusterError: there is no cluster, or not any more.
    """
    for name in ("distributed", "asyncio"):  # The command reports its errors itself.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Ctrl-C tells the workers to stop; pressed again, it ends the process at once.
    with on_ctrl_c(_interrupt, raises=True), contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(_local() if address == "local" else _client(address))
        except (OSError, ValueError) as error:
            raise ClusterError(str(error)) from error
        return cluster.count_files(names, client, encoding=encoding, tally=tally, progress=progress)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _client(cluster: Any) -> Any:
    return Client(cluster)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _local() -> Iterator[Any]:
    with ctrl_c_kept_from_children():
        workers = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=num_threads(),
            threads_per_worker=1,
            silence_logs=logging.CRITICAL,
            # Without the dashboard Dask still answers questions by HTTP; here on this machine only.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        )
    with workers, _client(workers) as client:
        yield client
