"""A cache plugin of the user's: ansible-core's own of the facts in memory."""

from ansible.plugins.cache.memory import CacheModule as Memory

DOCUMENTATION = """
name: own_cache
short_description: Keeps facts in memory
description: Keeps facts in memory
"""


class CacheModule(Memory):
    pass
