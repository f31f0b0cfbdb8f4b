package api

import "time"

// Process is what a report of a fault needs beside figures: what runs where, what it is at, and what it has logged.
type Process struct {
	Now             time.Time `json:"now"`
	Version         string    `json:"version"`
	GoVersion       string    `json:"go_version"`
	Platform        string    `json:"platform"` // linux/amd64
	Kernel          string    `json:"kernel"`   // its version; "" if it is not to be had
	PID             int       `json:"pid"`
	StartedAt       time.Time `json:"started_at"`
	CPUs            int       `json:"cpus"`
	MaxProcs        int       `json:"max_procs"` // GOMAXPROCS
	Loops           int       `json:"loops"`
	DescriptorLimit int       `json:"descriptor_limit"`
	MemoryLimit     int64     `json:"memory_limit_bytes"` // GOMEMLIMIT; huge where there is none
	Goroutines      int       `json:"goroutines"`
	Stacks          string    `json:"stacks"`    // what they are at, equal ones once, as Go's profile has it
	LogLevel        string    `json:"log_level"` // in force
	LogLines        []string  `json:"log_lines"` // the last ones, the oldest first, without ends of connections
}
