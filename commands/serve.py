"""`serve`: an exported model as a service over HTTP."""

from __future__ import annotations

from pathlib import Path

from lightsmith.serving.address import Address, check_address, open_socket, tls_context
from lightsmith.serving.exported_run import exported_folder
from lightsmith.serving.monitoring.request_log import check_log
from lightsmith.serving.server import Access, Setup, loader, serve_folder


def serve(
    run: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Path | None = None,
    rate: float | None = None,
    workers: int | None = None,
    reload: bool = False,
    cert: Path | None = None,
    key_file: Path | None = None,
    log: Path | None = None,
    log_content: bool = False,
) -> int:
    """Answer requests over HTTP with an exported model, until SIGTERM or Ctrl-C; then answer what was accepted.

    A run that is not exported is exported and proved first. docs/serving.md has the interface.

    Args:
        run: a folder that ``export`` wrote, or a run folder such as runs/mnist_mlp/latest.
        host: the address to listen at; one that other machines reach needs --keys.
        port: to listen at; 0 takes one that is free.
        keys: a file with a name and the SHA-256 of a key on each line: who may ask. Everybody on this machine
            when unset.
        rate: items a second that each key may ask for, each of a batch counted; as many as there are when unset.
        workers: processes that share the work behind the one that listens; one that dies is replaced, and what it had
            is asked of another. Unset, one process does everything.
        reload: take over a newer export in the same place, such as of a newer run at runs/mnist_mlp/latest, without
            losing a request; one of other classes or without a passed proof is refused.
        cert: a certificate in PEM, followed by those that vouch for it: answer over HTTPS.
        key_file: its private key in PEM.
        log: a folder whose requests.jsonl gets a line for each answered item, without the item.
        log_content: keep the texts and images there too, to be predicted or labelled later.

    Returns:
        Exit code: 0, or 1 if the run could not be proved.

    Raises:
        ValueError: no such folder, one whose proof failed, or an address, a certificate or a log that cannot be used.
    """
    known = check_address(Address(host, port, keys, rate))
    load, tls = loader(workers), tls_context(cert, key_file)
    place = check_log(log, log_content)
    with open_socket(host, port) as listening:  # found to be free before a run is exported
        folder = exported_folder(run)
        if folder is None:
            return 1
        serve_folder(folder, listening, Setup(load, Access(known, rate), run if reload else None, tls, place))
    return 0
