#!/usr/bin/python
"""Makes files in the ways that AnsibleModule has."""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={"dest": {"type": "path"}}, add_file_common_args=True)
    fd, made = tempfile.mkstemp(dir=module.tmpdir)
    os.write(fd, b"content\n")
    os.close(fd)
    module.add_cleanup_file(made)
    dest = module.params["dest"]
    other = tempfile.mkstemp(dir=module.tmpdir)[1]
    module.atomic_move(other, dest)
    changed = module.set_fs_attributes_if_different(
        module.load_file_common_arguments(module.params), False
    )
    module.exit_json(
        changed=changed,
        dest=dest,
        tmpdir_mode=oct(os.stat(module.tmpdir).st_mode),
        tmpdir_owner=os.stat(module.tmpdir).st_uid == os.geteuid(),
        digests=[module.sha1(made), module.sha256(made)],
        backup=os.path.basename(module.backup_local(made)).split(".")[0][:3],
    )


if __name__ == "__main__":
    main()
