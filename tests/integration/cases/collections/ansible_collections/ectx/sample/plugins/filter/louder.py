class FilterModule:
    def filters(self):
        return {"louder": str.upper}
