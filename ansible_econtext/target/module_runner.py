"""Runner of a module in a call process, in place of ansible-core's wrapper.

Source: `_ansiballz_main` in ansible-core's `executor/module_common.py` (2.16 to
2.18) and `_internal/_ansiballz/_wrapper.py` (2.19 to 2.21).  All that it sets before
it starts a module is set here, but no file is written.
"""

import os
import runpy
import sys
import tempfile
import time
import traceback

from ansible_econtext.target import file_operations, freshness, payload_file, run_command
from econtext.target import call, compat


def run_module(request, terminal=None):
    # type: (dict, object) -> tuple
    """Run a module; return (exit status, directories for temporary files).

    The directories are those that this run made.  Standard output and error of this
    process are the module's.  On a `terminal` it runs in a fork, and the status is negative
    for a signal.  Raises Outdated before it does anything, and OperationError
    before the module runs.
    """
    if not request["is_anew"]:
        freshness.check()
    made = file_operations.apply(request["deferred"])
    _prepare(request)
    library = _use(call.importer.store.manifest(request["manifest"]), request)  # type: ignore
    remote_tmp = os.path.expanduser(request["remote_tmp"])
    missing = file_operations.missing_directories(remote_tmp)
    if terminal is None:
        status = _run_to_its_end(request, library)
    else:
        status = terminal.run(lambda: _run_to_its_end(request, library))  # type: ignore
    return status, made + [path for path in missing if os.path.isdir(path)]


def _run_to_its_end(request, library):
    # type: (dict, str) -> int
    """Run the module, do what an interpreter does at its end, and return the exit status."""
    process = os.getpid()
    try:
        _run(request, library)
        status = 0
    except SystemExit as error:
        status = exit_status(error)
    except BaseException:
        status = _unhandled()
    call.finish()
    if os.getpid() != process:  # a fork of the module's that ends as a script does
        os._exit(status)
    return status


def _unhandled():
    # type: () -> int
    """Report the exception as an interpreter does at its end; return the exit status."""
    try:  # the module may have set a hook of its own
        sys.excepthook(*sys.exc_info())
    except SystemExit as error:
        return exit_status(error)
    except BaseException:
        traceback.print_exc()
    return 1


def exit_status(error):
    # type: (SystemExit) -> int
    """Return the exit status for sys.exit's argument; write its text, if it is one."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write("%s\n" % (error.code,))
    return 1


def _prepare(request):
    # type: (dict) -> None
    """Make this process as the module expects it."""
    file_operations.enter(request["directory"])  # which sets PWD, as the task may
    for name, value in request["environment"].items():
        os.environ[compat.native(name)] = compat.native(value)
    time.tzset()  # TZ may be one of them
    tempfile.tempdir = None  # TMPDIR, too, which Python reads once in a process
    try:
        os.getcwd()
    except OSError:  # another account's directory, after become
        try:
            os.chdir(os.path.expanduser("~"))
        except OSError:
            os.chdir("/")
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)  # the slave changed it
    if request["open_files"]:
        _limit_open_files(request["open_files"])
    sys.path = [path for path in sys.path if path not in ("", ".")]
    sys.argv = [compat.native(request["library"])]


def _limit_open_files(wanted):
    # type: (int) -> None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted), hard))
    except ValueError:
        pass  # some platforms do not tell their hard limit


def _use(modules, request):
    # type: (dict, dict) -> str
    """Make the payload's modules importable; return the path that the module is told."""
    importer, library = call.importer, compat.native(request["library"])
    if not payload_file.is_needed(modules):
        importer.use(modules)  # type: ignore
        return library
    path = payload_file.make(modules, importer.store, library)  # type: ignore
    if payload_file.has_resources(modules):
        importer.forget()  # type: ignore
        sys.path.insert(0, path)
        return path
    importer.use({name: modules[name] for name in modules if name != payload_file.RESPAWN})  # type: ignore
    package = payload_file.RESPAWN.rpartition(".")[0]
    __import__(package)
    sys.modules[package].__path__.append(os.path.join(path, *package.split(".")))  # type: ignore
    return path


def _run(request, library):
    # type: (dict, str) -> None
    from ansible.module_utils import basic  # type: ignore

    run_command.prepare(basic)
    name = str(request["name"])
    if request["profile"] is not None:  # ansible-core 2.19 and later bring a loader
        from ansible.module_utils._internal._ansiballz import _loader  # type: ignore

        _loader.run_module(
            json_params=request["parameters"],
            profile=request["profile"],
            module_fqn=name,
            modlib_path=library,
            extensions={},
        )
        return
    basic._ANSIBLE_ARGS = request["parameters"]  # type: ignore[attr-defined]
    known = {"_module_fqn": name, "_modlib_path": library}
    runpy.run_module(name, init_globals=known, run_name="__main__", alter_sys=True)
    print('{"msg": "New-style module did not handle its own exit", "failed": true}')
    sys.exit(1)
