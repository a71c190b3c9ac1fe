"""What a gateway says of a task's versions, over its admin API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from contracts.canonical import JsonForm
from training.errors import EvaluationError

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Registered:
    """One version in the gateway's store; `digest` is None where the gateway does not give it."""

    name: str
    base_model: str
    digest: str | None
    json_form: JsonForm


class GatewayAdmin:
    """Reads the admin API. A gateway that cannot be asked, or asks for a key, knows nothing: None."""

    def __init__(self, url: str, key: str = "", transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._transport = transport

    def stable_version(self, task: str) -> str | None:
        """The version that the task's stable channel names; empty for the bare base model.

        Raises:
            EvaluationError: the gateway serves no such task.
        """
        listed = self._get("/admin/v1/tasks")
        if listed is None:
            return None
        for one in listed.get("tasks", []):
            if one.get("name") == task:
                stable = (one.get("channels") or {}).get("stable")
                return str(stable or "")
        raise EvaluationError(f"the gateway serves no task {task!r}")

    def version(self, name: str) -> Registered | None:
        """One registered version, `task@version`.

        Raises:
            EvaluationError: the gateway has no such version.
        """
        found = self._get(f"/admin/v1/adapters/{quote(name, safe='@')}", missing=f"no version {name!r}")
        if found is None:
            return None
        return Registered(
            name=name,
            base_model=str(found.get("base_model", "")),
            digest=found.get("digest"),
            json_form=JsonForm(found.get("json_form", JsonForm.COMPACT)),
        )

    def _get(self, path: str, missing: str = "") -> Mapping[str, Any] | None:
        try:
            with httpx.Client(
                base_url=self._url,
                headers=self._headers,
                timeout=_TIMEOUT,
                transport=self._transport,
                trust_env=False,
            ) as client:
                reply = client.get(path)
            if reply.status_code == httpx.codes.NOT_FOUND and missing:
                raise EvaluationError(f"the gateway has {missing}")
            body = reply.json() if reply.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None
        return body if isinstance(body, dict) else None
