"""A broker's failures as the errors that Ansible knows, worded as the stock plugins do."""

import signal
from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError


class NoPython(Exception):
    """There is no slave since there is no Python, but commands may run all the same."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(f"no Python on the target: {stderr.strip()}")
        self.status = status
        self.stderr = stderr + "\n" if stderr else ""


#: The exit status by which ssh says that the failure is its own.
_SSH_FAILED = 255


def may_pass(reply: dict[str, Any]) -> bool:
    """Whether the same request may succeed a moment later: the host was not reached, for
    another reason than a password, which another attempt could lock."""
    ours = reply.get("failed") == "launch" and reply["kind"] == "ssh"
    return ours and reply["status"] == _SSH_FAILED and reply["missing"] is None


def error_of(reply: dict[str, Any], plugin: Any, mkdtemp: str) -> Exception:
    """The exception for a reply that says what failed; `mkdtemp` is the command by which
    ansible-core wanted a temporary directory made."""
    if reply["failed"] == "operation":
        return _of_operation(reply["text"], mkdtemp)
    if reply["failed"] == "call":
        return AnsibleError(f"econtext: {reply['text']}")
    if reply["failed"] != "launch":
        return AnsibleConnectionFailure(f"econtext: {reply['text']}")
    if reply["kind"] == "become" and reply["missing"] is not None:
        state = "Missing" if reply["missing"] else "Incorrect"
        return AnsibleError(f"{state} {getattr(plugin, 'name', 'become')} password")
    status, stderr = reply["status"], reply["stderr"]
    if reply["kind"] == "become" and reply["waited"] is not None:
        waited = f"Timeout ({reply['waited']:g}s) waiting for privilege escalation prompt"
        return AnsibleConnectionFailure(f"{waited}: {stderr}")
    if status is not None and not (reply["kind"] == "ssh" and status == _SSH_FAILED):
        # The stock way has no `exec` in its command, and so not in the shell's words.
        return NoPython(status, stderr.replace(": exec: ", ": ", 1))
    if reply["kind"] == "ssh":
        said = stderr or reply["text"]
        if reply["missing"] is not None:
            return AnsibleAuthenticationFailure(f"Invalid/incorrect username/password: {said}")
        return AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {said}")
    return AnsibleConnectionFailure(f"econtext: {reply['text']}")


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


def of_dead_module(reply: dict[str, Any]) -> tuple[int, bytes, bytes]:
    """What `exec_command` returns for a module whose process ended, as a shell would."""
    status, stderr = reply["died"], reply["stderr"]
    if status >= 0:
        return status, reply["stdout"], stderr
    said = f"{signal.strsignal(-status) or 'Killed'}\n"
    return 128 - status, reply["stdout"], stderr + said.encode()
