from __future__ import annotations

from ansible.plugins.become.sudo import BecomeModule as Sudo

DOCUMENTATION = """
name: own_sudo
short_description: sudo by another name
version_added: "1.0"
author: econtext
description: [sudo by another name]
options:
  become_user:
    description: who to become
    default: root
    keyword: [{name: become_user}]
    vars: [{name: ansible_become_user}]
  become_exe:
    description: its program
    default: sudo
  become_flags:
    description: its options
    default: -H -S -n
  become_pass:
    description: not used
    vars: [{name: ansible_become_password}]
  sudo_chdir:
    description: not used
    type: string
"""


class BecomeModule(Sudo):
    name = "own_sudo"
