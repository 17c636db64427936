"""econtext for Ansible: plays run through one persistent slave per host."""
