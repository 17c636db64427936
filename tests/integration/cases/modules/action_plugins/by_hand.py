"""An action that uses its connection in every way that ActionBase offers."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        directory = self._task.args["directory"]
        target = os.path.join(directory, "transferred")
        self._transfer_file(self._task.args["source"], target)
        temporary = self._make_tmp_path()
        data = self._transfer_data(
            self._connection._shell.join_path(temporary, "data"), "données ☃"
        )
        self._fixup_perms2([temporary, data])
        low = self._low_level_execute_command
        result["low"] = low(f"cat {data}; echo error >&2; exit 3")
        result["with_input"] = low("cat", in_data=b"input")
        result["elsewhere"] = low("pwd", chdir="/")
        result["other_shell"] = low("echo $0", executable="/bin/bash")
        result["not_sudo"] = low("id -un", sudoable=False)
        result["direct"] = [str(part) for part in self._connection.exec_command("echo direct")[:2]]
        result["home"] = self._remote_expand_user("~")
        result["checksum"] = self._execute_remote_stat(target, task_vars, True)["checksum"]
        result["module"] = self._execute_module(
            "ansible.builtin.command", {"_raw_params": "echo from a module"}, task_vars=task_vars
        )
        fetched = self._task.args["source"] + ".fetched-by-hand"
        self._connection.fetch_file(target, fetched)
        with open(fetched, "rb") as source:
            result["size"] = len(source.read())
        os.unlink(fetched)
        self._remove_tmp_path(temporary)
        result["gone"] = low(f"test -e {data} || echo gone")["stdout"]
        result["pipelining"] = self._connection.has_pipelining
        result["transport"] = self._connection.transport
        return result
