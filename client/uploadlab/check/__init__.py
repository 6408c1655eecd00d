"""Every byte, or a clear no: what each deployment makes of good, bad and broken uploads."""
