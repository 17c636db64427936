WHOSE = "second"
