#!/bin/bash
# WANT_JSON
# Says how it was started, and what it was given.
has() { grep -c "$1" "$arguments"; }

if [ $# = 1 ]; then
    exec "$0" "$1" again  # a program may start itself
fi
arguments=$1
cat <<END
{
    "changed": true,
    "user": "$(id -un)", "groups": "$(id -Gn)", "home": "$HOME", "place": "$PWD",
    "mask": "$(umask)", "shell": "$BASH_VERSION",
    "one": "$ECTX_ONE", "python": "$PYTHONPATH", "language": "$LC_ALL",
    "value": $(has '"value": "one"'), "checks": $(has '"_ansible_check_mode": true'),
    "own_text": "$(sed -n 3p "$0")", "is_file": $([ -f "$0" ] && echo true || echo false)
}
END
