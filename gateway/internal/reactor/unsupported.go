//go:build !linux

package reactor

var _ = idlegate_runs_on_linux_only
