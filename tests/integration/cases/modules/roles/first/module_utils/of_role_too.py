WHOSE = "first"
