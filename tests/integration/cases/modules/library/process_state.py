#!/usr/bin/python
"""What a module finds of the process that it runs in."""

import gc
import locale
import os
import resource
import signal
import sys
import threading

from ansible.module_utils.basic import AnsibleModule


def blocked_signals():
    with open("/proc/self/status") as status:
        return [line for line in status if line.startswith("SigBlk")]


def main():
    module = AnsibleModule(argument_spec={})
    umask = os.umask(0)
    os.umask(umask)
    ignored = [number for number in range(1, 32) if signal.getsignal(number) == signal.SIG_IGN]
    module.exit_json(
        directory=os.getcwd(),
        umask=umask,
        left=os.environ.get("ECTX_LEFT"),
        ignored=ignored,
        interrupt=signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        terminate=str(signal.getsignal(signal.SIGTERM)),
        blocked=blocked_signals(),
        locale=locale.setlocale(locale.LC_ALL),
        encoding=[sys.stdout.encoding, sys.stdin.encoding, sys.getfilesystemencoding()],
        nice=os.nice(0),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE),
        threads=threading.active_count(),
        main_thread=threading.current_thread().name == "MainThread",
        recursion=sys.getrecursionlimit(),
        collecting=gc.isenabled(),
        flags=str(sys.flags),
        path_of_nowhere="/nowhere" in sys.path,
        empty_in_path="" in sys.path,
        bytecode=sys.dont_write_bytecode,
        language={name: os.environ.get(name) for name in ("LANG", "LC_ALL", "LC_CTYPE")},
        executable=sys.executable,
        user=[os.getuid(), os.geteuid(), os.getgid(), sorted(os.getgroups())],
    )


if __name__ == "__main__":
    main()
