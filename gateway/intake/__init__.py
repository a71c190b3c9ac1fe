"""Schema intake: every output contract is vetted once, and what proves its answers is made ready."""
