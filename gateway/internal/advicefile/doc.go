// Package advicefile keeps what advise knows of routes in a file, over restarts.
//
// The file is a line and JSON. The line says what it is, in which version, and the SHA-256 of the rest:
//
//	idlegate advice 1 5d0c...
//	{"routes": {"devices": {"counted_ns": 86400000000000, "timers": {"idle_timeout": [...]}, ...}}}
//
// It is written beside its place and renamed, so that who reads it finds the one before or the one after. It is readable for its
// owner only, and at most MaxBytes long: of more routes than have room those stay that have the most connections.
package advicefile
