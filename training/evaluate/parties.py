"""From names and folders to the models of an evaluation: through a gateway, an engine, or in this process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from contracts.artifact import ADAPTER_FILES, digest_of
from contracts.canonical import JsonForm
from contracts.evaluation import Judged
from contracts.output import TextOutput
from contracts.task import Task
from training.errors import EvaluationError
from training.evaluate.asking import Target, Through, UrlAsker
from training.evaluate.frozen import Frozen
from training.evaluate.offline import THROUGH, OfflineOptions, load_offline
from training.evaluate.ports import Party
from training.evaluate.quantised import Form
from training.evaluate.registered import GatewayAdmin, Registered
from training.evaluate.run import Parties

BASE = "base"
NONE = "none"
STABLE = "stable"
FREE = "candidate free"
_VERSION = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller wants to be evaluated, and how it can be reached.

    `candidate` and `baseline` name a served model (`task@version`, a name of the engine), an adapter's
    folder, or `stable`, `base` and `none`. `adapter` is the folder of a served candidate, for its hash.
    """

    candidate: str | None
    baseline: str | None
    through: Through
    url: str
    api_key: str = ""
    adapter: Path | None = None
    base_folder: Path | None = None
    form: Form = Form.AUTO
    baseline_form: Form | None = None
    device: str = "auto"
    json_form: JsonForm | None = None


class PartyMaker:
    """Builds the parties of one frozen specification."""

    def __init__(self, frozen: Frozen, asked: Asked, admin: GatewayAdmin) -> None:
        self._frozen = frozen
        self._task = frozen.task
        self._asked = asked
        self._admin = admin

    def parties(self) -> Parties:
        """The candidate, its baseline, and the candidate without the grammar where asked for.

        Without a candidate, what serves now is evaluated against its base model.

        Raises:
            EvaluationError: a name or folder cannot be evaluated.
            TrainingError: a model in this process cannot be loaded.
        """
        asked = self._asked
        candidate = self._party(asked.candidate or STABLE, asked.form, asked.adapter)
        wanted = asked.baseline or (self._frozen.spec.baseline if asked.candidate else BASE)
        free = self._free(candidate) if self._frozen.spec.free_run else None
        return Parties(candidate, self._baseline(wanted), ((FREE, free),) if free else ())

    def _baseline(self, wanted: str) -> Party | None:
        """None where there is nothing to compare with; the metrics that need it then stay open."""
        if wanted == NONE or (wanted == STABLE and self._through(wanted) != Through.GATEWAY.value):
            return None
        return self._party(wanted, self._asked.baseline_form or self._asked.form)

    def _through(self, name: str) -> str:
        """A folder runs in this process, and so do the named models beside it."""
        of_candidate = Path(self._asked.candidate or "")
        is_offline = Path(name).is_dir() or self._asked.base_folder is not None
        if is_offline or (self._asked.candidate and of_candidate.is_dir()):
            return THROUGH
        return self._asked.through.value

    def _party(self, name: str, form: Form, adapter: Path | None = None) -> Party:
        match self._through(name):
            case Through.GATEWAY:
                return self._served(self._gateway_name(name), adapter)
            case Through.ENGINE:
                return self._served(self._engine_name(name), adapter)
            case _:
                return self._offline(name, form, self._task)

    def _gateway_name(self, name: str) -> str:
        task = self._task.name
        if name == BASE:
            return f"{task}@{BASE}"
        if name == STABLE:
            version = self._admin.stable_version(task)
            return task if version is None else f"{task}@{version or BASE}"
        if name.partition("@")[0] != task:
            raise EvaluationError(f"{name!r} is no version of task {task!r}: expected {task}@VERSION")
        return name

    def _engine_name(self, name: str) -> str:
        if name == STABLE:
            raise EvaluationError("an engine knows no stable version: name the model with --candidate")
        return self._task.base_model if name == BASE else name

    def _served(self, name: str, adapter: Path | None) -> Party:
        asked = self._asked
        registered = self._registered(name)
        json_form = registered.json_form if registered else asked.json_form or JsonForm.COMPACT
        target = self._target(name, json_form)
        digest = _digest(adapter) if adapter else registered.digest if registered else None
        version = name.partition("@")[2]
        if adapter and _is_version(version) and version != (digest or "")[:12]:
            raise EvaluationError(f"{adapter}: is not {name}: its version is {(digest or '')[:12]}")
        judged = Judged(
            model=name,
            base_model=(registered.base_model if registered else "") or self._task.base_model,
            adapter_digest=digest,
            form=asked.form.value if asked.form is not Form.AUTO else Form.BFLOAT16.value,
        )
        return Party(judged, UrlAsker(self._task, target), asked.through.value, json_form=json_form)

    def _target(self, name: str, json_form: JsonForm) -> Target:
        return Target(
            self._asked.url,
            name,
            self._asked.through,
            self._asked.api_key,
            self._frozen.spec.concurrency,
            json_form=json_form,
        )

    def _registered(self, name: str) -> Registered | None:
        is_pinned = self._asked.through is Through.GATEWAY and _is_version(name.partition("@")[2])
        return self._admin.version(name) if is_pinned else None

    def _offline(self, name: str, form: Form, task: Task, *, is_constrained: bool = True) -> Party:
        if self._asked.base_folder is None:
            raise EvaluationError(
                "a folder is evaluated in this process: give the base model's --base FOLDER"
            )
        adapter = None if name == BASE else Path(name)
        if adapter is not None and not adapter.is_dir():
            raise EvaluationError(f"{name!r}: no such folder, and with --base models run in this process")
        options = OfflineOptions(
            form=form,
            device=self._asked.device,
            constrained=is_constrained,
            json_form=self._asked.json_form,
            seed=self._frozen.spec.seed,
        )
        model = load_offline(task, self._asked.base_folder, adapter, options)
        return Party(model.judged, model, THROUGH, is_constrained, model.json_form)

    def _free(self, candidate: Party) -> Party:
        """The candidate without its grammar. Raises EvaluationError: a gateway always forces it."""
        asked, name = self._asked, candidate.judged.model
        if candidate.through == THROUGH:
            return self._offline(asked.candidate or BASE, asked.form, self._task, is_constrained=False)
        if asked.through is Through.GATEWAY:
            raise EvaluationError(
                "the specification asks for a run without the grammar, and a gateway always forces it: "
                "use --through engine, or --base to run in this process"
            )
        free = self._task.model_copy(update={"output": TextOutput()})
        asker = UrlAsker(free, self._target(name, candidate.json_form))
        return Party(candidate.judged, asker, candidate.through, is_constrained=False)


def _digest(adapter: Path) -> str:
    try:
        return digest_of(adapter, ADAPTER_FILES)
    except OSError as error:
        raise EvaluationError(f"{adapter}: no adapter's folder: {error}") from error


def _is_version(version: str) -> bool:
    return _VERSION.fullmatch(version) is not None
