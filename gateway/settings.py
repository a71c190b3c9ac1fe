"""Settings of the serving process: one YAML file, the environment over it."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$")]
"""Without user and password: a URL is logged, and secrets do not stand in the file."""
_STORE_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@?#]*(?:/[^\s?#]*)?")
PackageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


Droppable = Literal[
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
]
"""Fields that only shape an answer; what a job asks and promises is never dropped."""


class Section(BaseModel):
    """A frozen part of the settings that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(Section):
    """Where the gateway listens and what it accepts."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    max_body_bytes: int = Field(default=2 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    max_nesting: int = Field(default=64, ge=4, le=200)
    body_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    drain_seconds: float = Field(default=30.0, ge=0, le=3600)


class AuthSettings(Section):
    """Who may call. Without `keys_file` everybody may, and the server must listen on loopback.

    Each line of the file is `TENANT SCOPE SHA256`, where SCOPE is `data` or `admin` and SHA256 is the
    hexadecimal hash of the key.
    """

    keys_file: Path | None = None


class PoolKind(StrEnum):
    """`vllm` speaks vLLM's extensions and loads adapters; `openai` is any OpenAI-compatible URL."""

    VLLM = "vllm"
    OPENAI = "openai"


class EngineSettings(Section):
    """One engine. `adapter_root` is where the engine sees the adapter store, if not where we do."""

    url: Url
    adapter_root: str | None = None


class Prices(Section):
    """US dollars for a million tokens."""

    prompt_usd_per_million: float = Field(default=0.0, ge=0)
    cached_usd_per_million: float | None = Field(default=None, ge=0)
    completion_usd_per_million: float = Field(default=0.0, ge=0)


class PoolSettings(Section):
    """The engines that serve one base model, or one upstream provider.

    `max_tokens_field` and `drop_fields` are for upstreams that refuse what others want: models that know
    `max_completion_tokens` alone, or take no `temperature`. An engine holds `max_resident_adapters` at once;
    it drops adapters without a word when this is more than its `--max-cpu-loras`.
    """

    kind: PoolKind = PoolKind.VLLM
    engines: tuple[EngineSettings, ...] = Field(min_length=1)
    models: tuple[Name, ...] = Field(min_length=1)
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    prices: Prices = Prices()
    max_tokens_field: Annotated[str, StringConstraints(pattern="^max_(completion_)?tokens$")] = "max_tokens"
    drop_fields: tuple[Droppable, ...] = ()
    max_lora_rank: int = Field(default=16, ge=1, le=512)
    max_resident_adapters: int = Field(default=16, ge=1, le=10_000)
    max_connections: int = Field(default=256, ge=1, le=10_000)
    connect_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    stall_timeout_seconds: float = Field(default=60.0, gt=0, le=3600)
    health_interval_seconds: float = Field(default=2.0, gt=0, le=300)


class EscalationSettings(Section):
    """The pool and model that answer what the small model cannot."""

    pool: Name
    model: Name


class TaskSettings(Section):
    """Where the tasks' YAML files lie; they are reloaded when changed.

    `python_types` names the packages of which a task may name a type as its output; their modules are
    looked for in `python_path` first.
    """

    folder: Path
    reload: bool = True
    python_types: tuple[PackageName, ...] = ()
    python_path: Path | None = None


class RouterSettings(Section):
    """The classifier behind `model: auto`; without `bundle` the one that ships is used.

    `default_model` answers what no task fits.
    """

    bundle: Path | None = None
    encoder: Path | None = None
    default_model: Name | None = None


class CollectionSettings(Section):
    """A folder of Markdown and text files that tasks retrieve from."""

    folder: Path
    passage_chars: int = Field(default=700, ge=100, le=8000)


class EmbeddingSettings(Section):
    """The name under which the router's encoder, or else `pool`, serves `/v1/embeddings`."""

    model: Name = "static-minilm"
    pool: Name | None = None
    max_inputs: int = Field(default=2048, ge=1, le=10_000)


class Promotion(StrEnum):
    """`gated`: a version needs a passing evaluation to become stable; `open`: a registration is enough."""

    GATED = "gated"
    OPEN = "open"


class AdapterSettings(Section):
    """The adapter store and how engines are kept in step with it.

    `store` is a folder, or an fsspec URL such as `s3://bucket/adapters`, of which `<home>/adapters` is then
    the local copy; its credentials come from where the URL's library looks for them, never from here.
    """

    store: str = Field(default="adapters", min_length=1)
    remote_interval_seconds: float = Field(default=10.0, gt=0, le=3600)
    remote_timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    bundled: Path | None = None
    promotion: Promotion = Promotion.GATED
    trusted_keys: tuple[Path, ...] = ()
    require_signature: bool = False
    reconcile_interval_seconds: float = Field(default=2.0, gt=0, le=300)
    load_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    ready_wait_seconds: float = Field(default=15.0, ge=0, le=300)

    @property
    def remote_url(self) -> str | None:
        """Where versions are shared, if that is not a folder."""
        return self.store if "://" in self.store else None

    @field_validator("store")
    @classmethod
    def _is_folder_or_url(cls, store: str) -> str:
        if "://" in store and not _STORE_URL.fullmatch(store):
            # The value may hold a key, so it is not repeated.
            raise ValueError(
                "expected a folder, or an fsspec URL such as s3://bucket/adapters without user and query"
            )
        return store

    @model_validator(mode="after")
    def _can_check_signatures(self) -> AdapterSettings:
        if self.require_signature and not self.trusted_keys:
            raise ValueError("require_signature needs trusted_keys: the public keys whose signatures count")
        return self


class SchemaSettings(Section):
    """How new schemas are vetted: in processes of their own, within these bounds.

    `timeout_seconds` and `worker_memory_bytes` bound one vetting; `workers` processes stay ready for it,
    from the start with `prestart`, else from the first new schema on.
    """

    workers: int = Field(default=1, ge=1, le=64)
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    prestart: bool = True
    worker_memory_bytes: int = Field(default=1024**3, ge=256 * 1024**2)
    max_bytes: int = Field(default=262_144, ge=1024, le=16 * 1024**2)
    max_enum_values: int = Field(default=10_000, ge=1, le=1_000_000)


class LogSettings(Section):
    """Structured logs; prompts are never written."""

    level: Annotated[str, StringConstraints(pattern="^(debug|info|warning|error)$")] = "info"
    json_lines: bool = True


class Settings(Section):
    """Everything that the process is told.

    `home` holds what the process writes: relative paths of `adapters.store` lie under it.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    home: Path = Path(".firstline")
    server: ServerSettings = ServerSettings()
    auth: AuthSettings = AuthSettings()
    pools: dict[Name, PoolSettings] = Field(min_length=1)
    escalation: EscalationSettings | None = None
    tasks: TaskSettings | None = None
    router: RouterSettings = RouterSettings()
    collections: dict[Name, CollectionSettings] = Field(default_factory=dict)
    embeddings: EmbeddingSettings = EmbeddingSettings()
    adapters: AdapterSettings = AdapterSettings()
    schemas: SchemaSettings = SchemaSettings()
    log: LogSettings = LogSettings()

    @property
    def state_folder(self) -> Path:
        """Where the embedded state lies."""
        return self.home / "state"

    @property
    def adapter_store(self) -> Path:
        """The content-addressed adapter folder on this machine."""
        return self.home / ("adapters" if self.adapters.remote_url else self.adapters.store)

    @model_validator(mode="after")
    def _names_exist(self) -> Settings:
        served: dict[str, str] = {}
        for pool, section in self.pools.items():
            for model in section.models:
                if model in served:
                    raise ValueError(
                        f"pools.{pool}.models: {model!r} is already served by pool {served[model]!r}"
                    )
                served[model] = pool
        self._check_escalation()
        default = self.router.default_model
        if default is not None and default not in served:
            raise ValueError(f"router.default_model: no pool serves {default!r}; served: {sorted(served)}")
        self._check_embeddings()
        return self

    def _check_escalation(self) -> None:
        if self.escalation is None:
            return
        pool = self.pools.get(self.escalation.pool)
        if pool is None:
            raise ValueError(f"escalation.pool: no pool is named {self.escalation.pool!r}")
        if self.escalation.model not in pool.models:
            raise ValueError(
                f"escalation.model: pool {self.escalation.pool!r} does not serve {self.escalation.model!r}"
            )

    def _check_embeddings(self) -> None:
        name, model = self.embeddings.pool, self.embeddings.model
        if name is None:
            return
        pool = self.pools.get(name)
        if pool is None:
            raise ValueError(f"embeddings.pool: no pool is named {name!r}")
        # A provider serves more models than its pool lists; vLLM serves those alone.
        if pool.kind is PoolKind.VLLM and model not in pool.models:
            raise ValueError(f"embeddings.model: pool {name!r} does not serve {model!r}")

    def pool_of(self, model: str) -> str | None:
        """Name of the pool that serves a base or upstream model."""
        return next((name for name, pool in self.pools.items() if model in pool.models), None)
