"""Whether a slave notices that a new one would begin otherwise, by each Python of a target."""

import subprocess

from .shipped import IMPORTS, ROOT

#: Takes the stamps with a home of its own, does what the test says, and tells what is noticed.
RUN = (
    IMPORTS
    + """
import time
home, then = sys.argv[2:4]
time.time = lambda real=time.time: real() - float(sys.argv[6])
from econtext.target import hello
hello.BEGAN = time.time() - float(sys.argv[4])
from ansible_econtext.target import freshness

def put(name, text):
    path = os.path.join(home, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, "a") as file:
        file.write(text)

def is_outdated():
    try:
        freshness.check()
    except freshness.Outdated:
        return True
    return False

assert sys.argv[5] or not is_outdated()
exec(then)
print(is_outdated())
"""
)

#: Has the accounts' files in the home, with one line of this account and one of another.
ACCOUNTS = """
put("group", "some:x:7:other,%s\\nthird:x:8:\\n" % freshness._ENTRY.pw_name)
freshness._ACCOUNTS[:] = freshness._PATHS[:] = [os.path.join(home, "group")]
freshness._BEGAN, freshness._ACCOUNT = freshness._stamps(), freshness._account()
"""


def notices(python, home, then, began_before=0.0, before="", set_back=0.0):
    """Whether a change is noticed; `before` is done after the slave's start, before the stamps.

    The slave's clock was set back by as many seconds as `set_back` says.
    """
    (home / ".ssh").mkdir()
    if before:
        (home / ".ssh" / "environment").write_text(before)
    done = subprocess.run(
        [python, "-c", RUN, str(ROOT), str(home), then, str(began_before), before, str(set_back)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()[-1] == b"True"


def test_nothing_has_changed(python, tmp_path):
    assert not notices(python, tmp_path, "put('unrelated', '')")


def test_a_file_that_was_missing(python, tmp_path):
    assert notices(python, tmp_path, "put('.ssh/environment', 'A=1')")


def test_a_site_that_was_missing(python, tmp_path):
    assert notices(python, tmp_path, "import site; put(site.USER_SITE + '/package/it.py', '')")


def test_a_file_that_changed_after_the_start_and_before_the_stamps(python, tmp_path):
    assert notices(python, tmp_path, "", began_before=3600, before="A=1")


def test_a_file_from_before_the_clock_was_set_back(python, tmp_path):
    """It is no reason to replace the slave for each task until the clock has caught up."""
    assert not notices(python, tmp_path, "", began_before=0.5, before="A=1", set_back=3600)


def test_a_group_of_the_account(python, tmp_path):
    add = "put('group', 'new:x:9:%s\\n' % freshness._ENTRY.pw_name)"
    assert notices(python, tmp_path, ACCOUNTS + add)


def test_a_group_of_others(python, tmp_path):
    add = "put('group', 'new:x:9:x%s\\n' % freshness._ENTRY.pw_name)"
    assert not notices(python, tmp_path, ACCOUNTS + add)
