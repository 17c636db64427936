"""AnsiballZ payloads before they leave ansible-playbook."""
