"""Code of the Ansible layer that is shipped to targets, under law 1."""
