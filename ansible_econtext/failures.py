"""A broker's failures as the errors that Ansible knows, worded as the stock plugins do."""

import re
from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError

#: Exit statuses by which a shell says that it cannot run a command.
_NOT_RUN = (126, 127)


class NoPython(Exception):
    """There is no slave since there is no Python, but commands may run all the same."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(f"no Python on the target: {stderr.strip()}")
        self.status = status
        self.stderr = stderr + "\n"


#: The exit status by which ssh says that the failure is its own.
_SSH_FAILED = 255


def may_pass(reply: dict[str, Any]) -> bool:
    """Whether the same request may succeed a moment later: the host was not reached, for
    another reason than a password, which another attempt could lock."""
    ours = reply.get("failed") == "launch" and reply["kind"] == "ssh"
    return ours and reply["status"] == _SSH_FAILED and reply["missing"] is None


def error_of(reply: dict[str, Any], plugin: Any) -> Exception:
    """The exception for a reply that says what failed."""
    if reply["failed"] == "operation":
        return _of_operation(reply["text"])
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
    if status is not None and (status in _NOT_RUN or reply["kind"] in ("become", "python")):
        return NoPython(status, stderr)
    if reply["kind"] == "ssh":
        said = stderr or reply["text"]
        if reply["missing"] is not None:
            return AnsibleAuthenticationFailure(f"Invalid/incorrect username/password: {said}")
        return AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {said}")
    return AnsibleConnectionFailure(f"econtext: {reply['text']}")


def _of_operation(text: str) -> Exception:
    made = re.match(r"make_directory: (?P<reason>.*)", text, re.DOTALL)
    if made:
        return AnsibleConnectionFailure(
            "Failed to create temporary directory. Consider changing the remote tmp path in "
            f"ansible.cfg to a path rooted in '/tmp'. The target said: {made['reason']}"
        )
    return AnsibleError(f"failed to transfer file: {text}")


def of_dead_module(reply: dict[str, Any]) -> tuple[int, bytes, bytes]:
    """What `exec_command` returns for a module whose process was killed, as a shell would."""
    status = reply["died"]
    said = f"econtext: {reply['text']}\n".encode()
    return (128 - status if status < 0 else status), reply["stdout"], reply["stderr"] + said
