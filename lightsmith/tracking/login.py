"""Checks on Weights & Biases: whether somebody is logged in, and whether its server can be reached."""

from __future__ import annotations

import netrc
import os
import threading
from contextlib import suppress
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

PATIENCE_SECONDS = 5
BASE_URL = "WANDB_BASE_URL"
EARLIER_HOST = "api.wandb.ai"  # of the public server, under which logins of earlier versions of wandb are kept


def server() -> str:
    """The address of the server: that of ``WANDB_BASE_URL``, or the public one."""
    if BASE_URL in os.environ:
        return os.environ[BASE_URL]
    import wandb  # takes a second

    return str(wandb.Settings().base_url)


def project() -> str:
    """The project that runs are recorded in."""
    return os.environ.get("WANDB_PROJECT", "lightsmith")


def logged_in() -> bool:
    """Return whether a W&B key is at hand, in the environment or in ~/.netrc, where ``wandb login`` writes it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        known = netrc.netrc()
    except (OSError, netrc.NetrcParseError):
        return False
    hosts = [urlsplit(server()).netloc, *([] if BASE_URL in os.environ else [EARLIER_HOST])]
    return any(known.authenticators(host) for host in hosts)


def wandb_mode() -> str:
    """The mode of ``WANDB_MODE``; otherwise online where somebody is logged in, and offline elsewhere."""
    return os.environ.get("WANDB_MODE") or ("online" if logged_in() else "offline")


def server_answers() -> bool:
    """Return whether the server says anything; in a thread, because nothing else ends the wait for a name server."""
    answered, url = threading.Event(), server()

    def ask() -> None:
        with suppress(OSError):
            with suppress(HTTPError):
                urlopen(url, timeout=PATIENCE_SECONDS).close()
            answered.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return answered.is_set()
