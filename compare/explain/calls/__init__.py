"""The calls of the reference: numbered, watched and changed, for whoever asks where and for whoever asks why."""
