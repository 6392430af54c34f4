"""Tests of pure code: no server, no clock but an injected one."""
