"""Real `ansible-playbook` runs against a private sshd, sudo and the local host."""
