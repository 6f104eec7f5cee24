"""Downloads data sets from the internet, each in a process of its own."""
