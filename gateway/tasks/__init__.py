"""Tasks as they are served: loaded from YAML files and reloaded when those change."""

from gateway.tasks.catalog import TaskCatalog, TaskFileError

__all__ = ["TaskCatalog", "TaskFileError"]
