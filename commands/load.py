"""`load`: how much a service can do, by requests at rising rates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from lightsmith.load_test.capacity import Plan, advice, measure, record, table
from lightsmith.load_test.own_service import own_service
from lightsmith.load_test.plot import plot
from lightsmith.load_test.requests import made_items, read_items, requests_for
from lightsmith.load_test.target import model_of, read_key, target_of
from lightsmith.serving.exported_run import exported_folder
from lightsmith.terminal import shown

MOST_SECONDS, MOST_CONNECTIONS, MOST_RATE = 60.0, 1000, 50_000.0


class Client(NamedTuple):
    """The asking side: its key, its items where they are not made, and whether it may ask another machine."""

    key: str | None
    input: Path | None
    remote: bool


def load(
    run: Path | None = None,
    url: str | None = None,
    input: Path | None = None,  # noqa: A002  # the option is --input
    output: Path | None = None,
    key: Path | None = None,
    workers: int | None = None,
    connections: int = 64,
    seconds: float = 5.0,
    p99_ms: float = 100.0,
    max_rate: float = MOST_RATE,
    remote: bool = False,
) -> int:
    """Ask a service at rising rates, whether or not it keeps up, and say how much one instance can do.

    Latencies count from the moment at which a request was due, so that a slow answer delays no later request. The first
    rates are shares of what the service does when connections are always busy; the last is beyond it.

    Args:
        run: a folder that ``export`` wrote, or a run folder: it is served here for the test.
        url: or a service that runs already, such as http://127.0.0.1:8000.
        input: images, or a file with a text on each line, which are sent in turn; made ones when unset.
        output: the picture to write, .png or .svg; beside it a .json. By default load.png in the run folder,
            or here for a URL.
        key: a file with the key of a service that asks for one.
        workers: of the service that is started.
        connections: at once at most.
        seconds: at each of up to seven rates.
        p99_ms: what 99% of the answers may take within the capacity.
        max_rate: requests a second that are never exceeded.
        remote: ask a service on another machine, which must be yours.

    Returns:
        Exit code: 0, or 1 if the run could not be proved.

    Raises:
        ValueError: neither or both of --run and --url, a bound out of range, or a service that does not answer.
    """
    plan = _checked(Plan(connections, seconds, p99_ms, max_rate))
    _check_places(run, url, output)
    client = Client(read_key(key), input, remote)
    if url is not None:
        _load(url, client, plan, output or Path("load.png"))
        return 0
    folder = exported_folder(Path(str(run)))
    if folder is None:
        return 1
    with own_service(folder, [] if workers is None else [f"--workers={workers}"]) as address:
        _load(address, client, plan, output or folder.parent / "load.png")
    return 0


def _load(url: str, client: Client, plan: Plan, picture: Path) -> None:
    """Measure a service, print what was found, and keep it."""
    target = target_of(url, client.remote)
    model = model_of(target, client.key)
    takes = model["takes"]
    items = made_items(takes, model["preprocessing"]) if client.input is None else read_items(takes, client.input)
    print(f"load       {url}: {takes}s, {plan.connections} connections, {plan.seconds:g} s at each rate", flush=True)
    found = measure(*target, requests_for(takes, items, target.host, client.key), plan)
    print(f"at most    {found.closed.goodput:,.1f} requests/s with connections that are always busy")
    print("\n".join([*table(found), *advice(found, plan.p99_ms)]))
    plot(found, plan.p99_ms, picture)
    figures = {"service": {"precision": model["precision"], "sha256": model["sha256"]}, **record(found, plan)}
    picture.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"written    {shown(picture)}, {shown(picture.with_suffix('.json'))}")


def _check_places(run: Path | None, url: str | None, output: Path | None) -> None:
    """Refuse a picture that cannot be written, and a test of no service or of two.

    Raises:
        ValueError: naming the option.
    """
    if output is not None and (output.suffix not in (".png", ".svg") or not output.parent.is_dir()):
        raise ValueError(f"--output={output} must be a .png or .svg in a folder that there is")
    if (run is None) == (url is None):
        raise ValueError("give --run, which is served for the test, or --url of a service that runs")


def _checked(plan: Plan) -> Plan:
    """Refuse a test without bounds.

    Raises:
        ValueError: naming the option.
    """
    bounds = {
        "connections": (plan.connections, MOST_CONNECTIONS),
        "seconds": (plan.seconds, MOST_SECONDS),
        "p99_ms": (plan.p99_ms, 1e3 * MOST_SECONDS),
        "max_rate": (plan.most_rate, MOST_RATE),
    }
    for name, (value, most) in bounds.items():
        if not 0 < value <= most:
            raise ValueError(f"--{name}={value} must be above 0 and at most {most:g}")
    return plan
