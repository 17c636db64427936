"""What the suites of tests share: processes, accounts, an sshd. Knows nothing of econtext."""
