"""Template plugins of ansible-core and Jinja2 that are safe in a thread.

A plugin is safe if it

* changes nothing of the process: directory, environment, umask, locale, signals, defaults of
  sockets and of urllib, counters, random state, open descriptors, and no cache that can go stale
  or that one task or host could see of another;
* starts no process and no thread;
* waits for nothing: no network, no lock, no sleep, no computation that takes 20 ms on ordinary
  input;
* writes no file, and prints through `Display` alone;
* loads and calls no code of others, other than through the templating engine, which is asked
  about each plugin in turn.

Reading a local file or the environment anew each time is safe.  A plugin on no list is unknown.

The names are short ones, as in `ansible.builtin` and `ansible.legacy`; they tell of ansible-core's
own plugins, not of others that go by the same name.  Of names that have both, the filter or test
of ansible-core stands before Jinja2's.  `docs/plugins.rst` says the same for users, and of the
plugins that are not safe the reason.  `tests/unit/test_known_plugins.py` fails if the installed
ansible-core has a plugin that is neither on a list here nor on that page.

Source: `plugins/lookup/*.py`, `plugins/filter/*.py` and `plugins/test/*.py`, 2.19 to 2.21, with
what they call; `FILTERS` in `jinja2/filters.py` and `TESTS` in `jinja2/tests.py`, 3.1.  Plugins of
the internal collection `ansible._protomatter` are on no list.
"""

#: Lookups that compute from their terms, options and variables.
_COMPUTING_LOOKUPS = """
    dict indexed_items items list nested random_choice sequence subelements together varnames vars
"""

#: Lookups that read a file, look for one, or read the environment, anew each time.  `template`
#: makes an environment of Jinja2 of its own, of the same class: plugins are asked about there too.
_READING_LOOKUPS = "csvfile env file fileglob first_found ini template"

LOOKUPS: frozenset[str] = frozenset(f"{_COMPUTING_LOOKUPS} {_READING_LOOKUPS}".split())

#: Connections of collections that are carried.  None of them starts a process or waits before a
#: command goes the stock way; `community.general.jail` does, and is not one of these.
CONNECTIONS: frozenset[str] = frozenset(
    """
    community.docker.docker community.docker.nsenter community.general.chroot
    community.general.incus community.general.lxc community.general.lxd
    containers.podman.buildah containers.podman.podman kubernetes.core.kubectl
    """.split()
)

#: Filters of ansible-core that compute from their arguments.  `random` asks the system, or a
#: generator of its own if it has a seed.  Of `from_json`, `to_json` and `to_nice_json` the argument
#: `profile`, which no document of ansible-core names, imports a module if there is a dot in it.
_COMPUTING_FILTERS = """
    b64decode b64encode basename bool checksum combinations combine comment commonpath d default
    dict2items difference dirname extract flatten from_json from_yaml from_yaml_all groupby hash
    human_readable human_to_bytes intersect items2dict log mandatory md5 normpath path_join
    permutations pow product quote random regex_escape regex_findall regex_replace regex_search
    rekey_on_member root sha1 split splitext strftime subelements symmetric_difference ternary
    to_datetime to_json to_nice_json to_nice_yaml to_uuid to_yaml type_debug union unique urldecode
    urlsplit win_basename win_dirname win_splitdrive zip zip_longest
"""

#: Filters of ansible-core that look at files' names, the working directory, the environment or the
#: list of accounts, anew each time.
_READING_FILTERS = "expanduser expandvars fileglob realpath relpath"

#: Filters that call others by name, through the templating engine.
_CALLING_FILTERS = "map reject rejectattr select selectattr"

#: Filters of Jinja2 alone.
_JINJA_FILTERS = """
    abs attr batch capitalize center count dictsort e escape filesizeformat first float forceescape
    format indent int items join last length list lower max min pprint replace reverse round safe
    slice sort string striptags sum title tojson trim truncate upper urlencode urlize wordcount
    wordwrap xmlattr
"""

FILTERS: frozenset[str] = frozenset(
    f"{_COMPUTING_FILTERS} {_READING_FILTERS} {_CALLING_FILTERS} {_JINJA_FILTERS}".split()
)

#: Tests of ansible-core that compute from their arguments.
_COMPUTING_TESTS = """
    abs all any change changed contains defined failed failure falsy finished is_abs isnan issubset
    issuperset match nan reachable regex search skip skipped started subset succeeded success
    successful superset timedout truthy undefined unreachable uri url urn vault_encrypted version
    version_compare
"""

#: Tests of ansible-core that look at a local file anew each time.
_READING_TESTS = """
    directory exists file is_dir is_file is_link is_mount is_same_file link link_exists mount
    same_file vaulted_file
"""

#: Tests of Jinja2 alone.
_JINJA_TESTS = """
    != < <= == > >= boolean callable divisibleby eq equalto escaped even false float ge greaterthan
    gt in integer iterable le lessthan lower lt mapping ne none number odd sameas sequence string
    true upper
"""

TESTS: frozenset[str] = frozenset(f"{_COMPUTING_TESTS} {_READING_TESTS} {_JINJA_TESTS}".split())
