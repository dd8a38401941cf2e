"""Shapes of a split."""
from rlsplit.splitting import Component as Component, EnvServer as EnvServer, JsonObject as JsonObject, Launch as Launch, Split as Split
