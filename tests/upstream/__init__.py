"""ansible-core's own integration targets, run under stock Ansible and under econtext."""
