"""Send a dashboard to Weights & Biases, or say what would be sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from lightsmith.reports.dashboards.board import Board
from lightsmith.reports.dashboards.wandb_views import Home, report, workspace
from lightsmith.runs.failures import RunFailedError
from lightsmith.terminal import one_line
from lightsmith.tracking.login import project, server, server_answers

WORKSPACE, REPORT = "workspace", "report"
ENTITY = "WANDB_ENTITY"
PATIENCE_SECONDS = 20  # for each question to the server
# What a new version of a view takes along to the place of an earlier one.
REPLACED = {wr.Report: ("title", "description", "blocks"), ws.Workspace: ("name", "sections", "runset_settings")}


def draft(board: Board) -> dict[str, Any]:
    """Build the workspace and the report as they would be sent, each with its name and its spec.

    Made without asking anybody, so the entity is empty unless ``WANDB_ENTITY`` says it, and the runs' project has no
    number yet.
    """
    home = Home(os.environ.get(ENTITY, ""), project())
    views: dict[str, Any] = {WORKSPACE: workspace(board, home), REPORT: report(board, home, asks_server=False)}
    return {
        kind: view._to_model().model_dump(mode="json", by_alias=True, exclude_none=True) for kind, view in views.items()
    }


def send(board: Board, earlier: Mapping[str, str]) -> dict[str, str]:
    """Save the workspace and the report on the server, and return the address of each.

    Args:
        earlier: the addresses at which they are already, where they are replaced.

    Raises:
        RunFailedError: the server cannot be reached, or refuses.
    """
    if not server_answers():
        raise RunFailedError(f"nothing was sent: {server()} does not answer")
    wandb.setup(wandb.Settings(silent=True))  # or the library prints the addresses too, on stderr
    try:
        home = _home(wandb.Api(timeout=PATIENCE_SECONDS))
        return {
            WORKSPACE: _saved(workspace(board, home), earlier.get(WORKSPACE)),
            REPORT: _saved(report(board, home, asks_server=True), earlier.get(REPORT)),
        }
    except Exception as error:  # the library raises whatever its own process answers with
        raise RunFailedError(f"{server()} did not take it: {one_line(error)}") from error


def _home(api: wandb.Api) -> Home:
    """Find whose dashboard it is, the person logged in or the team of ``WANDB_ENTITY``, and create the project."""
    home = Home(os.environ.get(ENTITY) or str(api.default_entity), project())
    if home.project not in {one.name for one in api.projects(home.entity)}:
        api.create_project(home.project, home.entity)
    return home


def _saved(view: Any, address: str | None) -> str:
    """Save a view, in the place of the one at an address if there still is one, and return its address."""
    prefix = urlsplit(wandb.setup().settings.app_url).path.rstrip("/")  # which the library leaves out of addresses
    if address is not None and f"/{view.entity}/{view.project}" in address:
        with suppress(Exception):  # somebody has removed it, or it is on another server
            old = type(view).from_url(address.replace(f"{prefix}/", "/", 1) if prefix else address)
            for name in REPLACED[type(view)]:
                setattr(old, name, getattr(view, name))
            view = old
    parts = urlsplit(view.save().url)
    return parts._replace(path=f"{prefix}{parts.path.removeprefix(prefix)}").geturl()
