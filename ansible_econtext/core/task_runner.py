"""Run of one task as ansible-core's worker process does it: 2.19 to 2.21."""

from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.host import Host
from ansible.playbook.task import Task

from ansible_econtext.core import worker_process
from ansible_econtext.core.versions import ansible_version


def has_known_templates() -> bool:
    """Return whether the user added no extension to Jinja2."""
    return list(constants.DEFAULT_JINJA2_EXTENSIONS or ()) == []


def run_task(arguments: dict[str, Any], kind: Any) -> None:
    """Run a task and send its result, in the present thread.

    `arguments` are those of WorkerProcess, `kind` is TaskExecutor or derived from it.  A result
    of which no pickle can be made is replaced by a failure.  Raises all other errors: then the
    worker counts as dead.
    Source: `WorkerProcess._run` in `executor/process/worker.py`, 2.19 to 2.21.
    """
    task, host, final_queue = arguments["task"], arguments["host"], arguments["final_q"]
    common = (
        arguments["play_context"],
        arguments["loader"],
        arguments["shared_loader_obj"],
        final_queue,
        arguments["variable_manager"],
    )
    from ansible._internal import _task

    if ansible_version < (2, 21):
        from ansible._internal._errors import _error_utils
        from ansible.executor.task_result import _RawTaskResult

        def send(result: Any, fields: dict[str, Any]) -> None:
            final_queue.send_task_result(
                _RawTaskResult(host=host, task=task, return_data=result, task_fields=fields)
            )

        variables = arguments["task_vars"]
        with _task.TaskContext(task):
            result = kind(host, task, variables, *common).run()
            worker_process.warn_of_output(arguments)
            try:
                send(result, task.dump_attrs())
            except Exception as error:
                send(_error_utils.result_dict_from_exception(_send_failure(error)), {})
        return
    with _task.TaskContext.create(task=task, task_vars=arguments["task_vars"], host_name=host.name):
        task.squash()
        result = kind(host, *common).run()
        result.finalize_registered_values()
        worker_process.warn_of_output(arguments)
        task.ignore_errors = result.ignore_errors
        task.ignore_unreachable = result.ignore_unreachable
        try:
            final_queue.send_task_result(host, task, result)
        except Exception as error:
            result = _task.UnifiedTaskResult.create_from_action_exception(_send_failure(error))
            result.finalize_registered_values()
            bare = Task()
            bare._uuid = task._uuid
            final_queue.send_task_result(Host(name=host.name), bare, result)


def _send_failure(error: Exception) -> AnsibleError:
    """Return the error that stock Ansible reports of a result that it could not send."""
    try:
        raise AnsibleError("Task result omitted due to queue send failure.") from error
    except AnsibleError as failure:
        return failure
