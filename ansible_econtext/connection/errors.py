"""Failures of the broker as the errors that Ansible knows, worded as the stock plugins do."""

from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError

from ansible_econtext.client.messages import Failed, FailureCode, NotReached, Reply
from econtext.boot import first_stage

#: The exit status by which ssh says that the failure is its own.
_SSH_FAILED = 255

#: What the user can do about a host whose Python says that it was given no input.
_NO_INPUT = (
    "a startup file of the login, or a wrapper of the Python, takes its standard input away; "
    "with ansible_pipelining set to false for the host, its tasks go the stock way"
)


class NoPython(Exception):
    """Raised if there is no slave, as the host has no Python that runs; commands may run.

    `status` and `stderr` are those of the shell that found none.
    """

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(f"no Python on the target: {stderr.strip()}")
        self.status = status
        self.stderr = stderr + "\n" if stderr else ""


class NoSsh(NoPython):
    """Raised if ssh cannot be run here, of which the stock way tells in its own words."""


def may_pass(reply: Reply) -> bool:
    """Return whether the same request may succeed a moment later.

    It may if ssh did not reach the host.  A refused password is no such case: further attempts
    could lock the account.
    """
    return isinstance(reply, NotReached) and _is_of_ssh(reply)


def _is_of_ssh(reply: NotReached) -> bool:
    return reply.hop_kind == "ssh" and reply.status == _SSH_FAILED


def of_bastion(reply: NotReached, name: str) -> AnsibleConnectionFailure:
    """Return the exception for a host whose bastion was not reached; `name` is its hop's."""
    said = reply.stderr or reply.text
    return AnsibleConnectionFailure(f"econtext_via: {name} was not reached: {said}")


def error_of(reply: Failed | NotReached, plugin: Any, mkdtemp: str) -> Exception:
    """Return the exception to raise for a reply that tells of a failure.

    `plugin` is the task's become plugin, `mkdtemp` the command by which ansible-core wanted a
    temporary directory made.
    """
    if isinstance(reply, NotReached):
        return _of_launch(reply, plugin)
    if reply.code is FailureCode.OPERATION:
        return _of_operation(reply.text, mkdtemp)
    if reply.code is FailureCode.CALL:
        return AnsibleError(f"econtext: {reply.text}")
    return AnsibleConnectionFailure(f"econtext: {reply.text}")


def _of_launch(reply: NotReached, plugin: Any) -> Exception:
    is_password = reply.code in (FailureCode.PASSWORD_MISSING, FailureCode.PASSWORD_REFUSED)
    if reply.hop_kind == "become" and is_password:
        state = "Missing" if reply.code is FailureCode.PASSWORD_MISSING else "Incorrect"
        return AnsibleError(f"{state} {getattr(plugin, 'name', 'become')} password")
    if reply.hop_kind == "become" and reply.code is FailureCode.TIMEOUT:
        waited = f"Timeout ({reply.seconds:g}s) waiting for privilege escalation prompt"
        return AnsibleConnectionFailure(f"{waited}: {reply.stderr}")
    if reply.status is not None and not _is_of_ssh(reply):
        # The stock way has no `exec` in its command, and so not in the shell's words.
        said = reply.stderr.replace(": exec: ", ": ", 1)
        is_without_input = first_stage.NO_BUNDLE.decode() in said
        return NoPython(reply.status, f"{said}: {_NO_INPUT}" if is_without_input else said)
    if reply.hop == 0 and reply.hop_kind == "ssh" and reply.code is FailureCode.NOT_RUN:
        return NoSsh(127, reply.text)
    if reply.hop_kind == "ssh":
        said = reply.stderr or reply.text
        if is_password:
            return AnsibleAuthenticationFailure(f"Invalid/incorrect username/password: {said}")
        if reply.code is FailureCode.TIMEOUT:
            said = f"{reply.text} (the option `timeout` allows more than {reply.seconds:g})"
        return AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {said}")
    return AnsibleConnectionFailure(f"econtext: {reply.text}")


def _of_operation(text: str, mkdtemp: str) -> Exception:
    name, _, reason = text.partition(": ")
    if name != "make_directory":
        return AnsibleError(f"failed to transfer file: {text}")
    if "No space left on device" in reason:
        return AnsibleConnectionFailure(reason)
    # Source: `_make_tmp_path` in `plugins/action/__init__.py`, 2.16 to 2.21.
    return AnsibleConnectionFailure(
        "Failed to create temporary directory. In some cases, you may have been able to "
        "authenticate and did not have permissions on the target directory. Consider changing "
        'the remote tmp path in ansible.cfg to a path rooted in "/tmp", for more error '
        f"information use -vvv. Failed command was: {mkdtemp}, exited with result 1"
    )
