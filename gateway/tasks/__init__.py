"""Tasks as they are served: loaded from YAML files and reloaded when those change."""

from gateway.tasks._python_types import PythonTypes
from gateway.tasks._reading import TaskFileError, TaskRules, check_task_file
from gateway.tasks.catalog import TaskCatalog

__all__ = ["PythonTypes", "TaskCatalog", "TaskFileError", "TaskRules", "check_task_file"]
