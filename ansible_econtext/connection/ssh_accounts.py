"""Accounts of a task's host for emulated ssh: `synchronize` runs a module here that wants ssh.

The action plugin has the module run by a connection to this machine, which it makes with the play
context of the connection to the host.

Source: `run` in `plugins/action/synchronize.py` of ansible.posix, 1.6 and 2.1.
"""

from typing import Any

from ansible_econtext.client.messages import SSHAccount
from ansible_econtext.connection.become import RecordingBecome
from ansible_econtext.connection.carried_connection import CarriedConnection
from ansible_econtext.core import plugins
from econtext.emulation import ssh_arguments

#: Attribute of a play context for the connection that was made first with it.
_ATTRIBUTE = "econtext_connection"


def note(play_context: Any, connection: CarriedConnection) -> None:
    """Note the connection by ssh that a play context is made for."""
    setattr(play_context, _ATTRIBUTE, connection)


def noted(play_context: Any) -> list[SSHAccount]:
    """Return the accounts of the host that a play context is made for, if ssh leads there.

    With sudo, the command begins with it, and an account of its own stands for that.
    """
    connection = getattr(play_context, _ATTRIBUTE, None)
    if connection is None or connection._econtext is None:
        return []
    destination = plugins.ssh_destination(connection)
    try:
        words = [*destination.pop("given"), destination["host"], "true"]
        destination["options"] = ssh_arguments.parse(words).options
    except ssh_arguments.Unknown:
        return []
    session, plugin = connection._econtext, connection.become
    login = SSHAccount(**destination, prefix="", instead="", route=session.route(None))
    if not isinstance(plugin, RecordingBecome) or plugins.plugin_name(plugin) != "sudo":
        return [login]
    plugin.recorded_shell = connection._shell
    prefix = f"sudo -u {plugin.get_option('become_user') or 'root'} rsync "
    return [login.replace(prefix=prefix, instead="rsync ", route=session.route(plugin)), login]
