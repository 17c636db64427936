#!/usr/bin/python
import ctypes
import decimal
import sqlite3
import ssl
import zlib

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={})
    with sqlite3.connect(":memory:") as database:
        three = database.execute("select 1 + 2").fetchone()[0]
    module.exit_json(
        three=three,
        pid_of_c=ctypes.CDLL(None).getpid() > 0,
        decimal=str(decimal.Decimal("0.1") * 3),
        ssl=ssl.OPENSSL_VERSION,
        zlib=zlib.crc32(b"x"),
    )


if __name__ == "__main__":
    main()
