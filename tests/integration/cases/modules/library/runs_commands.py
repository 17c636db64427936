#!/usr/bin/python
"""Runs commands in the ways that AnsibleModule has."""

import os

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={})
    module.run_command_environ_update = {"ECTX_ALWAYS": "always"}
    run = module.run_command
    read, write = os.pipe()
    os.write(write, b"through a pipe")
    os.close(write)
    module.exit_json(
        words=run(["printf", "%s|", "a b", "c"]),
        text=run("printf '%s|' 'a b' c"),
        unsafe=run("echo a | tr a b; exit 3", use_unsafe_shell=True),
        other_shell=run("echo $0", use_unsafe_shell=True, executable="/bin/bash"),
        given=run("cat", data="given"),
        given_binary=run("cat", data="given", binary_data=True),
        environment=run(
            "env | grep ECTX_ | sort", use_unsafe_shell=True, environ_update={"ECTX_ONCE": "1"}
        ),
        directory=run("pwd", cwd="/usr"),
        umask=run("sh -c umask", umask=0o027),
        raw=[str(part) for part in run("printf '\\377'", encoding=None)],
        expanded=run(["echo", "$HOME"]) == run(["echo", os.environ["HOME"]]),
        not_expanded=run(["echo", "$HOME"], expand_user_and_vars=False),
        path=module.get_bin_path("sh"),
        path_of_none=module.get_bin_path("no-such-command"),
        passed=run("cat <&%d" % read, use_unsafe_shell=True, pass_fds=[read]),
        prompt=run("sh -c 'printf Password:; read x'", prompt_regex="Password:", data=None),
    )


if __name__ == "__main__":
    main()
