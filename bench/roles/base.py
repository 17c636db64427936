"""The Debian system that every host begins with: one tree, made once from Debian's packages."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from bench.environment import DIRECTORY, NotPreparedError

TREES = DIRECTORY / "trees"

SUITE = "bookworm"

#: The account that logs in, and may become root without a password.
ACCOUNT = "admin"

# No systemd: nothing of it runs in a chroot, and Ansible takes a system that has it for one where
# it does. So the services are those of sysvinit, whose scripts need no init that runs.
PACKAGES = (
    "apt-utils,ca-certificates,cron,gnupg,initscripts,iproute2,kmod,locales,logrotate,lsb-release,"
    "openssh-server,procps,python3,python3-apt,rsyslog,sudo,sysvinit-core,sysvinit-utils,tzdata"
)

#: Tools of the controller's own system that the bench needs, and the packages that have them.
TOOLS = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "setpriv": "util-linux"}

# The package's scripts start no service.
POLICY = """\
#!/bin/sh
exit 101
"""

# A service that is started or stopped is noted, and nothing else: all hosts share one network.
SERVICE = """\
#!/bin/sh
note=/var/lib/bench/services/$1
[ "$1" != --status-all ] || exit 0
[ -x "/etc/init.d/$1" ] || { echo "$1: unrecognized service" >&2; exit 1; }
case "$2" in
    start | restart | reload | force-reload) : > "$note" ;;
    stop) rm -f "$note" ;;
    status) [ -e "$note" ] && echo "$1 is running" || { echo "$1 is stopped"; exit 3; } ;;
esac
"""

# Sourced by the services' own scripts, which the module `sysvinit` runs by their paths.
HOOK = """\
case "$0" in
    /etc/init.d/*) exec /usr/sbin/service "${0##*/}" "$@" ;;
esac
"""

# Debian 12's rsyslog has a unit of systemd alone.
RSYSLOG = """\
#!/bin/sh
exec /usr/sbin/service rsyslog "$@"
"""

FINISH = f"""\
set -e
useradd --create-home --shell /bin/bash --password '*' {ACCOUNT}
echo '{ACCOUNT} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{ACCOUNT}
chmod 0440 /etc/sudoers.d/{ACCOUNT}
dpkg-divert --quiet --local --rename --add /usr/sbin/service
chmod 0755 /usr/sbin/policy-rc.d /var/lib/bench/service /etc/init.d/rsyslog
cp /var/lib/bench/service /usr/sbin/service
echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/bench
apt-get update -qq
rm -f /var/cache/apt/archives/*.deb
"""


def prepare() -> Path:
    """Return the base tree, made if it is not there yet."""
    tree = TREES / f"base-{SUITE}"
    TREES.mkdir(parents=True, exist_ok=True)
    with open(TREES / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two benchmarks may start at the same time
        if not (TREES / "base.ready").exists():
            print(f"Making {tree.relative_to(DIRECTORY.parent)} ...", flush=True)
            install_tools()
            shutil.rmtree(tree, ignore_errors=True)
            make(tree)
            (TREES / "base.ready").touch()
    return tree


def install_tools() -> None:
    """Install the tools that are missing, from Debian's packages."""
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if missing:
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing)])


def make(tree: Path) -> None:
    """Make the base tree: the packages, the account, and the hooks that keep services from it."""
    run(["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(tree)])
    kept = tree / "var/lib/bench"
    (kept / "services").mkdir(parents=True)
    (kept / "service").write_text(SERVICE)
    (tree / "usr/sbin/policy-rc.d").write_text(POLICY)
    hooks = tree / "lib/lsb/init-functions.d"
    hooks.mkdir(exist_ok=True)
    (hooks / "90-bench").write_text(HOOK)
    (tree / "etc/init.d/rsyslog").write_text(RSYSLOG)
    copy_kernel_parameters(Path("/proc/sys"), kept / "sys")
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    run(["chroot", str(tree), "/bin/sh", "-c", FINISH])


def copy_kernel_parameters(source: Path, destination: Path) -> None:
    """Copy the kernel's parameters into plain files, which a play may write without harm."""
    for directory, _, files in os.walk(source):
        copy = destination / Path(directory).relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        for name in files:
            try:
                text = Path(directory, name).read_bytes()
            except OSError:
                text = b"0\n"
            (copy / name).write_bytes(text)


def run(command: list[str]) -> None:
    """Run a step of making the tree."""
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    if result.returncode != 0:
        raise NotPreparedError(f"{' '.join(command[:4])} failed:\n{result.stderr.strip()[-2000:]}")
