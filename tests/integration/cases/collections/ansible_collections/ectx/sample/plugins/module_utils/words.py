from ansible_collections.ectx.sample.plugins.module_utils.inner import mark


def words(name):
    return ["good", "day", name + mark.MARK]
