"""The soak: many tasks, many hosts, interrupted runs; is anything lost, done twice or growing?

`__main__.py` is the command, `plays.py` the work, `place.py` the machine on which it takes place,
`sampler.py` the looks at memory and processes, `growth.py` and `picture.py` what is made of them.
"""
