"""Tasks as they are served: loaded from YAML files and reloaded when those change."""

from gateway.tasks._reading import TaskFileError
from gateway.tasks.catalog import TaskCatalog

__all__ = ["TaskCatalog", "TaskFileError"]
