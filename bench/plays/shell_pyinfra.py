"""The same 50 shell commands as in shell.yml, as a deploy of pyinfra's."""

from pyinfra import host
from pyinfra.operations import server

for number in range(10, 60):
    server.shell(commands=[f'echo {number} > "{host.data.destination}/{number}"'])
