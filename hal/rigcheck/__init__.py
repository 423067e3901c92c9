"""Does a rig keep the promises of the protocol? Raw frames to its port, and what must come back.

`talk` says things to a rig, wrong ones too, and looks at what comes of them; `frames`, `requests`, `links`, `radiating`
and `watchdog` hold the checks, one promise each; `running` runs them. Nothing but `port` knows a real line or a clock.
"""
