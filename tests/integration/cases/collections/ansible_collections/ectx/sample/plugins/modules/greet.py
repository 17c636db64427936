#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

from ..module_utils import old_words
from ..module_utils.words import words


def main():
    module = AnsibleModule(argument_spec={"name": {"default": "nobody"}})
    module.exit_json(
        words=words(module.params["name"]), same=old_words.words is words, file=__file__[-40:]
    )


if __name__ == "__main__":
    main()
