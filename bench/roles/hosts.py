"""The hosts: each a Debian system of its own, in namespaces of its own, behind its own sshd."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from bench import processes
from bench.roles.base import ACCOUNT

#: Addresses of the hosts. The proxy listens on them too, at another port.
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 9)]

SSHD = """\
ListenAddress {address}
Port {port}
HostKey /run/bench/host_key
PidFile none
AuthorizedKeysFile /run/bench/authorized_keys
AuthenticationMethods publickey
AllowUsers {account}
UsePAM no
UseDNS no
StrictModes no
PrintMotd no
PrintLastLog no
MaxStartups 500
MaxSessions 500
LogLevel ERROR
Subsystem sftp internal-sftp
"""

# What a host may not do to the machine, whose kernel and network it shares.
KEPT_FROM = "-net_admin,-sys_time,-sys_module,-sys_boot,-sys_rawio,-mknod,-mac_admin,-syslog"

# Run as the first process of new namespaces: nothing of it is seen outside, and all of it ends with
# this process. What the host writes stays in memory.
START = """\
set -e
mount -t tmpfs -o mode=755 tmpfs "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
layers="lowerdir=$LAYERS,upperdir=$PLACE/upper,workdir=$PLACE/work"
mount -t overlay overlay -o "$layers" "$PLACE/root"
cd "$PLACE/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --bind var/lib/bench/sys proc/sys
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/sshd run/lock run/bench
cp -r "$PLACE/../given/." run/bench/
cp "$PLACE.conf" run/bench/sshd_config
chmod 600 run/bench/host_key
hostname "$NAME"
echo "127.0.0.1 localhost" > etc/hosts
echo "127.0.1.1 $NAME.example.org $NAME" >> etc/hosts
echo "$NAME" > etc/hostname
touch var/lib/apt/periodic/update-success-stamp var/lib/apt/lists 2>/dev/null || true
exec setpriv --bounding-set "$KEPT_FROM" --inh-caps "$KEPT_FROM" \
    chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /run/bench/init
"""

# Called `init`, as Ansible looks at the name of the first process. The shell reaps orphans.
INIT = """\
#!/bin/sh
/usr/sbin/sshd -D -e -f /run/bench/sshd_config
exit 1
"""


class Hosts:
    """Some hosts that begin with the same tree. They end with all that runs in them."""

    def __init__(self, work: Path, layers: list[Path], number: int) -> None:
        self.work = work
        self.layers = layers
        self.names = [f"host{index + 1}" for index in range(number)]
        self.addresses = ADDRESSES[:number]
        self.key = work / "key"
        self.port = 0
        self.started: list[subprocess.Popen] = []

    def __enter__(self) -> "Hosts":
        try:
            self.give_keys()
            self.port = free_port(self.addresses)
            for name, address in zip(self.names, self.addresses, strict=True):
                self.start(name, address)
            for address in self.addresses:
                self.wait_for(address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def give_keys(self) -> None:
        """Make the keys, and what every host is given."""
        given = self.work / "given"
        given.mkdir(parents=True)
        for path in (self.key, given / "host_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "benchmark"]
            subprocess.run([*command, "-f", str(path)], check=True)
        (given / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        (given / "init").write_text(INIT)
        (given / "init").chmod(0o755)

    def start(self, name: str, address: str) -> None:
        """Start a host."""
        place = self.work / name
        place.mkdir()
        place.with_suffix(".conf").write_text(
            SSHD.format(address=address, port=self.port, account=ACCOUNT)
        )
        variables = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PLACE": str(place),
            "LAYERS": ":".join(map(str, self.layers)),
            "NAME": name,
            "KEPT_FROM": KEPT_FROM,
        }
        # Killed with us, if we cannot end it any more.
        command = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
        ]
        with open(self.log(name), "wb") as log:
            process = subprocess.Popen(
                [*command, "/bin/sh", "-c", START],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=variables,
            )
        self.started.append(process)

    def log(self, name: str) -> Path:
        return self.work / f"{name}.log"

    def wait_for(self, address: str) -> None:
        """Wait until a host's sshd listens."""
        number = self.addresses.index(address)
        for _ in range(400):
            try:
                socket.create_connection((address, self.port)).close()
                return
            except ConnectionRefusedError:
                if self.started[number].poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"no host:\n{self.log(self.names[number]).read_text()}")

    def own(self) -> frozenset[int]:
        """The processes that a host is: what else runs below it, a run has left."""
        found = set()
        for process in self.started:
            found.add(process.pid)
            for first in processes.children_of_all().get(process.pid, []):
                found.add(first)
                found.update(processes.children_of_all().get(first, [])[:1])
        return frozenset(found)

    def used(self) -> float:
        """Processor seconds that the hosts have used; sessions count when they are over."""
        return sum(map(processes.seconds_of, self.own()))

    def roots(self) -> list[Path]:
        """The root directory of each host, as it is seen from outside."""
        children = processes.children_of_all()
        return [Path(f"/proc/{children[process.pid][0]}/root") for process in self.started]

    def empty(self, name: str) -> None:
        """Make a directory of the account's anew on each host."""
        for root in self.roots():
            path = root / name.lstrip("/")
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            owner = path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    def keep_layer(self, layer: Path) -> None:
        """Copy what the first host has written to a directory that others can begin with."""
        process = self.started[0]
        first = processes.children_of_all()[process.pid][0]
        written = self.work / self.names[0] / "upper"
        command = ["nsenter", "--mount", f"--target={first}"]
        subprocess.run([*command, "cp", "-a", str(written), str(layer)], check=True)

    def end_sessions(self, keep: frozenset[int]) -> None:
        """Wait until all sessions are over, and end what stays."""
        processes.end_descendants(keep, patience=5.0)

    def __exit__(self, *error) -> None:
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait()
        processes.end_descendants()

    def inventory(self, port: int, groups: list[str], variables: dict) -> str:
        """The inventory: all hosts in all groups, reached by the proxy's port."""
        hosts = {
            name: {"ansible_host": address}
            for name, address in zip(self.names, self.addresses, strict=True)
        }
        shared = {
            "ansible_port": port,
            "ansible_user": ACCOUNT,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": "-F none -o UserKnownHostsFile=/dev/null"
            " -o IdentitiesOnly=yes",
        }
        members = {"hosts": {name: {} for name in hosts}}
        children = {group: members for group in groups}
        everything = {"hosts": hosts, "vars": shared | variables, "children": children}
        return json.dumps({"all": everything}, indent=1)


def free_port(addresses: list[str]) -> int:
    """Return a port that is free on all addresses."""
    for _ in range(100):
        with socket.create_server((addresses[0], 0)) as first:
            port = first.getsockname()[1]
        taken = []
        for address in addresses:
            try:
                socket.create_server((address, port)).close()
            except OSError:
                taken.append(address)
        if not taken:
            return port
    raise OSError("no port is free on all addresses")
