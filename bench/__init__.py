"""The benchmark: the same plays under econtext and under its peers, side by side.

Nothing of the product is imported here: every contender is run as a user would run it, as a whole
`ansible-playbook` process with its own configuration file.
"""
