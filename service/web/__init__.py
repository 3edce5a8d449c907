"""Pages for people, and the assets that they load; nothing comes from another host."""
