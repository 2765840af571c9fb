"""Where the bytes of a store lie: on a disk, or on object storage with a cache on each machine."""
