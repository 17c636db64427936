"""Tests of the library with real processes: interpreters, sudo, sshd."""
