"""Freshness of the slave: whether a new one would begin otherwise than this one did.

A slave stays, and all its call processes are forks of it.  What its login and its interpreter
read at their start may have changed since.  The slave imports this module before its first
module runs, and takes the stamps of those files; a call process compares them before it does
anything.
"""

import os
import pwd
import sys
import time

from econtext.target import compat, hello

#: What the C library reads once in a process, and OpenSSL when hashlib loads it.  In these
#: lists a directory that ends in a slash stands for its files too.
_LIBRARIES = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/selinux/config",
    "/usr/lib/locale/locale-archive",
    "/etc/ssl/openssl.cnf",
]

#: The same, on some systems: those that are there when the slave begins.
_OTHERS = [
    "/etc/crypto-policies/back-ends/opensslcnf.config",
    "/etc/pki/tls/openssl.cnf",
] + ["/etc/selinux/%s/contexts/files" % policy for policy in ("default", "mls", "targeted")]

#: What a shell reads for each command that sshd starts; sshd itself reads ~/.ssh/environment.
_SHELLS = {
    "bash": ["/etc/bash.bashrc", "~/.bashrc"],
    "csh": ["/etc/csh.cshrc", "~/.tcshrc", "~/.cshrc"],
    "fish": ["/etc/fish/config.fish", "~/.config/fish/config.fish", "~/.config/fish/conf.d/"],
    "tcsh": ["/etc/csh.cshrc", "~/.tcshrc", "~/.cshrc"],
    "zsh": ["/etc/zshenv", "/etc/zsh/zshenv", "~/.zshenv"],
}

#: What sudo and its like, PAM and a login shell read.  sshd has them read once for a connection,
#: and stock Ansible keeps its connections too.
_BECOME = [
    "/etc/default/locale",
    "/etc/doas.conf",
    "/etc/environment",
    "/etc/pam.d",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/security",
    "/etc/security/limits.conf",
    "/etc/security/limits.d/",
    "/etc/security/pam_env.conf",
    "/etc/sudoers",
    "/etc/sudoers.d/",
    "~/.bash_profile",
    "~/.profile",
]

#: Processes above a slave that may have started it: shells, su or sudo, another slave.
_STARTERS = 6

#: Files of which only the lines that name the account count.
_ACCOUNTS = ["/etc/passwd", "/etc/group"]


class Outdated(Exception):
    """Raised if this slave must be replaced; nothing was done."""


def _files(directory, end=""):
    # type: (str, str) -> list
    """Return the paths in a directory, by the end of their names; none if it is closed."""
    try:
        return [
            os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(end)
        ]
    except OSError:
        return []


def _of_interpreter():
    # type: () -> list
    """Return the paths that this interpreter looked at when it started."""
    site = sys.modules.get("site")
    roots = getattr(site, "getsitepackages", list)() + [getattr(site, "USER_SITE", None)]
    roots = [root for root in roots if root]  # missing ones too: they may come
    custom = [sys.modules.get(name) for name in ("sitecustomize", "usercustomize")]
    found = [sys.executable, os.__file__] + [getattr(each, "__file__", None) for each in custom]
    return found + sys.path + roots + [path for root in roots for path in _files(root, ".pth")]


def _is_by_become():
    # type: () -> bool
    """Return whether sudo or its like changed the account, by the processes above this one."""
    if not os.path.exists("/proc/self/status"):
        # Not Linux: sshd sets this, and what sudo and a login shell start has it no more.
        return "SUDO_COMMAND" in os.environ or "SSH_CONNECTION" not in os.environ
    process = os.getppid()
    for _ in range(_STARTERS):
        try:
            with open("/proc/%d/status" % process) as file:
                status = dict(line.split(":", 1) for line in file)
        except (OSError, IOError):  # it has just ended, or is out of sight
            break
        if status["Name"].strip().startswith("sshd"):
            return False
        if int(status["Uid"].split()[0]) != os.getuid():  # real: su has that of its caller
            return True
        process = int(status["PPid"])
    return "SUDO_COMMAND" in os.environ


def _of_login():
    # type: () -> list
    """Return the paths that sshd, sudo or its like, and a shell looked at."""
    found = ["~/.ssh/environment"] + _SHELLS.get(os.path.basename(_ENTRY.pw_shell), [])
    # sudo sets the account's groups each time, and sshd those of root.
    is_by_become = _is_by_become()
    if is_by_become:
        found += _BECOME
    if is_by_become or os.getuid() == 0:
        found += _ACCOUNTS
    found = [os.path.expanduser(path) for path in found]
    return found + [path for each in found if each.endswith("/") for path in _files(each)]


def _watched():
    # type: () -> list
    others = [path for path in _OTHERS if os.path.exists(path)]
    found = _LIBRARIES + others + _of_interpreter() + (_of_login() if _ENTRY else [])
    return sorted(set(filter(None, found)))


def _stamps():
    # type: () -> list
    return [_stamp(path) for path in _PATHS]


def _stamp(path):
    # type: (str) -> object
    """Return what changes if the file does; None for a file that is missing or closed."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_ctime, status.st_ino  # no program can set either


def _account():
    # type: () -> list
    """Return the lines of `_ACCOUNTS` that name this process's account."""
    name = compat.encode_text(compat.from_native(_ENTRY.pw_name))
    lines = []
    for path in _ACCOUNTS:
        try:
            with open(path, "rb") as file:
                text = file.read().splitlines()
        except (OSError, IOError):
            continue
        lines += [line for line in text if name in line.replace(b",", b":").split(b":")]
    return lines


def _began():
    # type: () -> list
    """Return the stamps, with one that fits no file for what changed since the slave's start."""
    found = _stamps()
    now = time.time()  # later stamps are of a clock that was set back since
    return ["changed" if stamp and hello.BEGAN < stamp[0] <= now else stamp for stamp in found]


try:
    _ENTRY = pwd.getpwuid(os.getuid())  # type: object
except KeyError:  # an account that has no name
    _ENTRY = None
_PATHS = _watched()
_BEGAN = _began()
_ACCOUNT = _account() if _ENTRY else []


def check():
    # type: () -> None
    """Raise Outdated if a file has changed that the start of this slave read."""
    now = _stamps()
    if now == _BEGAN:
        return
    changed = [path for path, old, new in zip(_PATHS, _BEGAN, now) if old != new]
    if not set(changed).issubset(_ACCOUNTS) or _account() != _ACCOUNT:
        raise Outdated(changed[0])


def look():
    # type: () -> tuple
    """Check, for what is no call; the value is None, and no directory was made."""
    check()
    return None, []
