"""What of the Ansible layer is shipped to targets; it keeps law 1, as `econtext.target` does."""
