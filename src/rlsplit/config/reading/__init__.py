"""Reading: raw tables become typed sections, and every field that cannot be read becomes one finding.

:mod:`.tables` reads, around what :mod:`.mending` takes out; :mod:`.problems` says what pydantic's errors mean, at the
user's keys (:mod:`.locations`); :mod:`.unknown_keys` and :mod:`.finite` judge what pydantic lets pass.
"""
