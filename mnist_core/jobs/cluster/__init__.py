"""Training on a Ray cluster. Nothing outside this package knows of Ray.

The app's process is no driver of Ray, because a dead head ends its drivers. It starts a child (`client`), which makes
sure that the cluster has a dispatcher: an actor that outlives the app, owns the tasks and tells the store what it
sees. A task (`tasks`) claims one run and trains it as a worker of one machine does.
"""
