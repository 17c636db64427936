#!/usr/bin/python
# -*- coding: utf-8 -*-
"""Does one thing that modules do to their process, and reports."""

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

from ansible.module_utils.basic import AnsibleModule


def junk_before(module):
    print("junk before")
    print("more { junk")
    module.exit_json(changed=True)


def junk_after(module):
    print(json.dumps({"changed": True}))
    print("junk after")
    sys.exit(0)


def junk_of_a_child(module):
    sys.stdout.flush()
    subprocess.call(["sh", "-c", "echo from a child; echo and its error >&2"])
    module.exit_json(changed=True)


def standard_error(module):
    sys.stderr.write("written to standard error ☃\n")
    module.exit_json(changed=False)


def logs(module):
    root = logging.getLogger()
    root.warning("a warning")
    module.exit_json(handlers=len(root.handlers), level=root.level)


def leave_at_once(module):
    print(json.dumps({"changed": True}))
    sys.stdout.flush()
    os._exit(0)


def leave_at_once_with_status(module):
    print(json.dumps({"changed": True}))
    sys.stdout.flush()
    os._exit(3)


def leave_without_a_word(module):
    os._exit(0)


def exit_with_text(module):
    sys.exit("the reason")


def exit_with_status(module):
    print(json.dumps({"changed": True, "rc": 4}))
    sys.exit(4)


def raise_error(module):
    raise ValueError("žluťoučký kůň")


def return_without_a_word(module):
    return


def kill_itself(module):
    os.kill(os.getpid(), signal.SIGKILL)


def terminate_itself(module):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


def another_program(module):
    sys.stdout.flush()
    os.execvp("echo", ["echo", '{"changed": true, "said": "by echo"}'])


def close_everything(module):
    os.closerange(3, 1024)
    module.exit_json(changed=False)


def close_standard_input(module):
    os.close(0)
    module.exit_json(changed=False, opened=os.open("/dev/null", os.O_RDONLY))


def read_standard_input(module):
    module.exit_json(read=sys.stdin.read(), terminal=sys.stdin.isatty())


def own_session(module):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os._exit(7)
    module.exit_json(status=os.WEXITSTATUS(os.waitpid(pid, 0)[1]))


def leave_thread(module):
    def later():
        time.sleep(0.3)
        with open(module.params["path"], "w") as target:
            target.write("by the thread\n")

    threading.Thread(target=later).start()
    module.exit_json(changed=True)


def at_exit(module):
    def later():
        with open(module.params["path"], "w") as target:
            target.write("at exit\n")

    atexit.register(later)
    module.exit_json(changed=True)


def daemon(module):
    sys.stdout.flush()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            time.sleep(0.5)
            with open(module.params["path"], "w") as target:
                target.write("by the daemon\n")
        os._exit(0)
    os.wait()
    module.exit_json(changed=True)


def daemon_that_holds_output(module):
    sys.stdout.flush()
    if os.fork() == 0:
        os.setsid()
        time.sleep(1)
        with open(module.params["path"], "w") as target:
            target.write("by the daemon\n")
        os._exit(0)
    module.exit_json(changed=True)


def child(module):
    leave_child(module.params["path"])
    module.exit_json(changed=True)


def child_of_a_process_that_leaves(module):
    leave_child(module.params["path"])
    print(json.dumps({"changed": True}))
    sys.stdout.flush()
    os._exit(0)


def command_of_its_own(module):
    null = open(os.devnull, "r+")
    waits = "until test -e '%s.go'; do sleep 0.05; done; echo by the child > '%s'"
    command = waits % (module.params["path"], module.params["path"])
    subprocess.Popen(["sh", "-c", command], stdin=null, stdout=null, stderr=null)
    module.exit_json(changed=True)


def child_beside_it(module):
    leave_child(module.params["path"])
    time.sleep(600)


def leave_child(path):
    """Forks a child without a session of its own that no hangup ends."""
    sys.stdout.flush()
    if os.fork():
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    with open(path + ".pid", "w") as target:
        target.write("%d\n" % os.getpid())
    deadline = time.time() + 60
    while not os.path.exists(path + ".go") and time.time() < deadline:
        time.sleep(0.05)
    with open(path, "w") as target:
        target.write("by the child\n")
    os._exit(0)


def pool(module):
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as workers:
        module.exit_json(squares=workers.map(pow_two, range(5)))


def pow_two(number):
    return number * number


def alarm(module):
    seen = []
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    deadline = time.time() + 5
    while not seen and time.time() < deadline:
        time.sleep(0.02)
    module.exit_json(seen=[int(number) for number in seen])


def change(module):
    """What must not be seen by the next module."""
    import locale

    os.chdir("/")
    os.umask(0o007)
    os.environ["ECTX_LEFT"] = "left"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, lambda number, frame: None)
    locale.setlocale(locale.LC_ALL, "C")
    sys.path.insert(0, "/nowhere")
    sys.modules["json"].dumps = None
    os.nice(3)
    module.exit_json = None
    print('{"changed": true}')
    sys.exit(0)


def main():
    module = AnsibleModule(
        argument_spec={"act": {"required": True}, "path": {"type": "path"}},
        supports_check_mode=True,
    )
    globals()[module.params["act"]](module)


if __name__ == "__main__":
    main()
